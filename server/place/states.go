package place

import (
	"cmp"
	"strings"
)

// states are the subdivisions of the United States in ISO 3166-2:US: the states, the District of
// Columbia and the outlying areas.
const states = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR" +
	" PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR UM VI "

func isState(s string) bool { return len(s) == 2 && strings.Contains(states, " "+s+" ") }

// notStates are what the post of the United States has beside its states.
var notStates = map[string]string{
	"AA": "write US: it is an address of the armed forces",
	"AE": "write US: it is an address of the armed forces",
	"AP": "write US: it is an address of the armed forces",
	"FM": "write FM: Micronesia is a country",
	"MH": "write MH: the Marshall Islands are a country",
	"PW": "write PW: Palau is a country",
}

// adviceForState says what to write instead of US- and this; empty if it is a state.
func adviceForState(subdivision string) string {
	if isState(subdivision) {
		return ""
	}
	upper := strings.ToUpper(strings.TrimSpace(subdivision))
	if isState(upper) {
		return "write US-" + upper
	}
	return cmp.Or(notStates[upper], "write US, or US- and the two letters of a state or territory, such as US-CA")
}
