/** The listener for a callback: it answers whoever asks, and ends at once when it is told to, whoever else is connected. */
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type CallbackListener, listenForCallback } from '../../src/oauth/listener';

const SUCCESS = 'https://dashboard.example.com/oauth/success';
let listener: CallbackListener;
let idle: Socket;

/** With a connection that asks nothing, as browsers open them ahead of need. */
async function listen(receive: (params: URLSearchParams) => Promise<string | undefined>): Promise<void> {
  listener = await listenForCallback({ host: '127.0.0.1', port: 0, successUrl: SUCCESS, receive });
  idle = connect(Number(new URL(listener.url).port), '127.0.0.1');
  await once(idle, 'connect');
}
afterEach(() => idle.destroy());

test('it ends beside an idle connection, and the last answer arrives whole', async () => {
  const steps = new EventEmitter();
  await listen(async () => {
    steps.emit('asked');
    await once(steps, 'answer');
    return 'Refused, with a reason.';
  });
  const asked = once(steps, 'asked');
  const reply = fetch(`${listener.url}?code=c0de&state=s`);
  await asked;
  const closed = listener.close();
  steps.emit('answer');
  await closed;
  const response = await reply;
  expect(response.status).toBe(400);
  expect(response.headers.get('connection')).toBe('close');
  expect(await response.text()).toContain('Refused, with a reason.');
});

test('it ends beside an idle connection where no callback came', async () => {
  await listen(async () => undefined);
  const gone = once(idle, 'close');
  await listener.close();
  await gone;
});
