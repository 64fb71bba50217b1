# METADATA
# title: The place
# description: Where the subject lives, and which packs apply there. A code below a country (DE-BY) is a place in it.
# schemas:
#   - input: schema.input
package consentd.lib.place

import data.consentd.lib.request

default jurisdiction := ""

# METADATA
# description: The subject's ISO 3166-1 or 3166-2 code; empty where it is unknown.
jurisdiction := input.subject.jurisdiction

# METADATA
# description: The country of the jurisdiction; empty where it is unknown.
country := country_of(jurisdiction)

# METADATA
# description: |
#   The country of a code, or the one that a territory counts as: DE of DE-BY, FI of AX, FR of RE.
country_of(code) := data.lib.place.territories[substring(code, 0, 2)]

country_of(code) := substring(code, 0, 2) if not data.lib.place.territories[substring(code, 0, 2)]

# METADATA
# description: The code is of a place in the EEA.
in_eea(code) if data.lib.place.eea[country_of(code)]

# METADATA
# description: The place is in the EEA or Great Britain.
europe if in_eea(jurisdiction)

europe if country == "GB"

# METADATA
# description: The GDPR pack applies.
gdpr if europe

gdpr if _home == "gdpr"

gdpr if "gdpr" in request.controller.packs_for_everyone

# METADATA
# description: The CCPA pack applies.
ccpa if jurisdiction == "US-CA"

ccpa if _home == "ccpa"

ccpa if "ccpa" in request.controller.packs_for_everyone

# METADATA
# description: The APPI pack applies.
appi if country == "JP"

appi if _home == "appi"

appi if "appi" in request.controller.packs_for_everyone

# METADATA
# description: The rules in force of the subject's state, where the table of other states has one.
state := data.lib.us_states.states[jurisdiction]

# The controller's home pack, which applies where the place is unknown.
_home := request.controller.home_pack if jurisdiction == ""
