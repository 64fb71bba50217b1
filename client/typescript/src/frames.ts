import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The bounds of a message of a CheckStream: the server takes so many checks, and 4 MiB. */
export const maxChecks = 1_000;
export const fullFrameBytes = 256 << 10;

/** The size from which on a check goes by itself. */
export const largeCheckBytes = 64 << 10;

/** A check as a frame has it. */
export interface FramedCheck {
  readonly id: number;
  /** An encoded CheckRequest. */
  readonly request: Uint8Array;
  /** How long the server may take, in milliseconds; above 0. */
  readonly timeoutMs: number;
}

const lengthDelimited = (field: number) => (field << 3) | WireType.LengthDelimited;
const varint = (field: number) => (field << 3) | WireType.Varint;

/**
 * Puts a CheckStreamRequest together of checks that are encoded already: each by its caller, so that one that cannot
 * be encoded is its caller's error alone.
 */
export function frame(checks: readonly FramedCheck[], cancelled: readonly number[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const check of checks) {
    writer.uint32(lengthDelimited(1)).fork();
    writer.uint32(varint(1)).uint64(check.id);
    writer.uint32(lengthDelimited(2)).bytes(check.request);
    writer.uint32(lengthDelimited(3)).fork();
    writeDuration(writer, check.timeoutMs);
    writer.join().join();
  }
  for (const id of cancelled) {
    writer.uint32(varint(2)).uint64(id);
  }
  return writer.finish();
}

/** Rounded up to a nanosecond, so that it stays above 0. */
function writeDuration(writer: BinaryWriter, ms: number): void {
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.min(999_999_999, Math.ceil((ms - 1_000 * seconds) * 1e6));
  writer.uint32(varint(1)).int64(seconds);
  writer.uint32(varint(2)).int32(nanos);
}
