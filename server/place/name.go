package place

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// byName returns the code of a country by its English name; empty if there is none of that name.
func byName(name string) string { return names()[plain(name)] }

// names are made when somebody first writes a name.
var names = sync.OnceValue(func() map[string]string {
	codes := map[string]string{
		"america": "US", "britain": "GB", "czech republic": "CZ", "england": "GB", "great britain": "GB", "holland": "NL",
		"northern ireland": "GB", "scotland": "GB", "turkey": "TR", "united states of america": "US", "wales": "GB",
	}
	english := display.English.Regions()
	for i, ok := range assigned {
		if ok {
			code := string([]byte{'A' + byte(i/26), 'A' + byte(i%26)})
			codes[plain(english.Name(language.MustParseRegion(code)))] = code
		}
	}
	return codes
})

// plain is a name without what people write in different ways.
func plain(name string) string {
	name = strings.NewReplacer("&", "and", ".", "", "’", "'", "_", " ").Replace(strings.ToLower(name))
	return strings.TrimPrefix(strings.Join(strings.Fields(name), " "), "the ")
}
