/**
 * Traces for OpenTelemetry: a span for each attempt of a step, under a span of its request. Trace and parent are derived from
 * the workflow id, so that no context travels in headers, which are not encrypted, and histories are the
 * same with and without traces. Ids, names and codes only; personal data is never an attribute.
 */
import { createHash } from 'node:crypto';
import { DiagLogLevel, diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Log } from '../log';
import type { RequestResult } from '../request/model';
import { type RequestRef, requestBehind, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { VERSION } from '../version';

export interface Tracing {
  readonly interceptor: ActivityInterceptorsFactory;
  /** Called for each request that has ended. */
  ended(request: RequestRef, result: RequestResult): void;
  /** Sends the remaining spans; never rejects. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  /** Workflow ids are unique in a namespace only. */
  readonly namespace: string;
  readonly log: Log;
}

const LOG_AGAIN_MS = 600_000;

/** OpenTelemetry's own variables set address, interval and sampling: `OTEL_EXPORTER_OTLP_ENDPOINT` and others. */
export function createTracing({ namespace, log }: TracingOptions): Tracing {
  let loggedMs = Number.NEGATIVE_INFINITY;
  const unsent = () => {
    if (Date.now() - loggedMs < LOG_AGAIN_MS) return;
    loggedMs = Date.now();
    // The exporter's own message quotes addresses and headers.
    log({
      level: 'warn',
      message: 'traces-unsent: the OpenTelemetry collector does not accept traces',
      code: 'traces-unsent',
    });
  };
  const quiet = { info() {}, debug() {}, verbose() {} };
  diag.setLogger(
    { error: unsent, warn: unsent, ...quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );

  const random = new RandomIdGenerator();
  /** The ids of the span that is being made, if they are not random. */
  let given: Ids | undefined;
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'aircall-dsr', 'service.version': VERSION }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    idGenerator: {
      generateTraceId: () => given?.traceId ?? random.generateTraceId(),
      generateSpanId: () => given?.spanId ?? random.generateSpanId(),
    },
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('aircall-dsr', VERSION);

  function idsOf(request: RequestRef): Ids {
    const digest = createHash('sha256')
      .update(`${namespace}\n${workflowIdOf(request)}`)
      .digest('hex');
    return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
  }

  return {
    interceptor: ({ info }) => ({
      inbound: {
        async execute(input, next) {
          const { workflowId = '', runId = '' } = info.workflowExecution ?? {};
          const request = requestBehind(workflowId);
          const parent =
            request && trace.setSpanContext(ROOT_CONTEXT, { ...idsOf(request), traceFlags: TraceFlags.SAMPLED });
          const span = tracer.startSpan(
            info.activityType,
            {
              kind: info.isLocal || request === undefined ? SpanKind.INTERNAL : SpanKind.CLIENT,
              attributes: {
                // The names that Temporal's own interceptors use.
                temporalWorkflowId: workflowId,
                temporalRunId: runId,
                temporalActivityId: info.activityId,
                'aircall_dsr.attempt': info.attempt,
                'aircall_dsr.waited_ms': Date.now() - info.currentAttemptScheduledTimestampMs,
                ...(request && { 'aircall_dsr.connection': request.connection, 'aircall_dsr.kind': request.kind }),
              },
            },
            parent ?? ROOT_CONTEXT,
          );
          try {
            return await next(input);
          } catch (error) {
            const code = error instanceof ApplicationFailure ? (error.type ?? 'unknown') : 'unknown';
            span.setAttribute('aircall_dsr.code', code);
            span.setStatus({ code: SpanStatusCode.ERROR, message: code });
            throw error;
          } finally {
            span.end();
          }
        },
      },
    }),
    ended(request, { status, startedAt, completedAt, apiRequests }) {
      given = idsOf(request);
      const span = tracer.startSpan(WORKFLOW_TYPES[request.kind], {
        root: true,
        startTime: new Date(startedAt),
        attributes: {
          temporalWorkflowId: workflowIdOf(request),
          'aircall_dsr.connection': request.connection,
          'aircall_dsr.kind': request.kind,
          'aircall_dsr.status': status,
          'aircall_dsr.api_requests': apiRequests,
        },
      });
      given = undefined;
      span.end(new Date(completedAt));
    },
    stop: () => provider.shutdown().catch(unsent),
  };
}

interface Ids {
  readonly traceId: string;
  readonly spanId: string;
}
