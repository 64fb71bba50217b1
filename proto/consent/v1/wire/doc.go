// Package wire is what server and client must agree on beyond the generated code: the hash slots of WatchInvalidations.
package wire
