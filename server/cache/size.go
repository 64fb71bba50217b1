package cache

import "unsafe"

// entryBytes is what an entry takes beside its state and its subject's id: itself, and its share of ristretto's two
// maps. These hold 56 and 16 bytes per entry and are between half full and full; BenchmarkMemory measures the sum.
const entryBytes = int(unsafe.Sizeof(entry{})) + 120
