// Package policytest tells policy authors how far their tests prove what their rules say: it runs a directory's
// own tests, the test_ rules that `opa test` runs and cases in YAML, and says which lines they reach, which
// outcome of which purpose they have shown (Suite.Run), and which faults they would let pass (Suite.Mutate).
//
// Cases stand in files named *.cases, anywhere in the directory, in the format of the corpus (package cases).
// OPA's tools read no files of that name, where any YAML would become data. Cases that expect an error are about
// the API, not the policies: they are counted and not run.
//
// A Suite is of one state of the directory; it is immutable and may be used concurrently. Whatever does not load
// is an error with file and line; a test that fails is a Failure in the report, never an error.
package policytest
