package policy

// BuildInput is exported for tests.
var BuildInput = buildInput
