// Package policies carries the policies that consentd ships with: the shared packs in lib and one folder per controller.
// They are example policies, not legal advice.
package policies

import "embed"

// FS holds the policies as they stand in this folder, tests included.
//
//go:embed lib controllers
var FS embed.FS
