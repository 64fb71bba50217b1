// Package wire is what server and clients agree on beyond the generated code, once for both: the numbers of the fields
// that either reads or writes without protobuf, the limits that both go by, the form of consistency tokens, and the
// hash slots of WatchInvalidations. It imports none of the project; tests compare numbers and limits with the generated
// descriptors.
package wire
