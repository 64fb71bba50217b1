import { pathOf } from "./codec.js";
import { DecisionService } from "./gen/consent/v1/decision_service_pb.js";
import type { NearListener, NearStream } from "./near-watch.js";
import type { Stream, Transport } from "./transport.js";

/** A stream that may be sent on before it is there: to open one can take as long as a token does. */
export class OpenedStream implements NearStream {
  private stream: Stream | undefined;
  /** What is to be done once it is there. */
  private waiting: ((stream: Stream) => void)[] = [];

  constructor(transport: Transport, listener: NearListener) {
    const events = { message: (m: Uint8Array) => listener.message(m), end: () => listener.end() };
    transport
      .stream(pathOf(DecisionService.method.watchInvalidations), events)
      .then((stream) => this.opened(stream))
      .catch(() => listener.end());
  }

  send(message: Uint8Array): void {
    this.act((stream) => stream.send(message, () => undefined));
  }

  end(): void {
    this.act((stream) => stream.end());
  }

  cancel(): void {
    this.act((stream) => stream.cancel());
  }

  private opened(stream: Stream): void {
    this.stream = stream;
    this.waiting.splice(0).forEach((act) => act(stream));
  }

  private act(act: (stream: Stream) => void): void {
    if (this.stream === undefined) {
      this.waiting.push(act);
    } else {
      act(this.stream);
    }
  }
}
