# METADATA
# title: example
# description: No real company. Its table beside this file is all there is; a starting point for a controller of your own.
# schemas:
#   - input: schema.input
package consentd.controllers.example

import data.consentd.lib.compose

# METADATA
# title: The decision
# entrypoint: true
decision := compose.decision({
	"denials": set(),
	"bans": set(),
	"obligations": set(),
	"recipients": set(),
})
