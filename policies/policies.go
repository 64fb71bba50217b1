// Package policies carries the policies that consentd ships with: the shared packs in lib, one folder per
// controller, and access, which says what callers may do. They are example policies, not legal advice.
package policies

import "embed"

// FS holds the policies as they stand in this folder, tests included.
//
//go:embed lib controllers access
var FS embed.FS

// Authoring holds what tools for authors read beside the policies: what the input is, its schema, the built-ins that
// are allowed, and regal's configuration. None of it is policy.
//
//go:embed INPUT.md schemas opa.capabilities .regal/config.yaml
var Authoring embed.FS
