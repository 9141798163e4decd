/** Ends the server that the set-up started. */
export default async function teardown(): Promise<void> {
  await globalThis.devServer?.stop();
}
