package engine

// Built-ins such as time.clock take the name of a time zone. On a machine without a database of zones, as in an image
// of the program alone, they would be undefined, and a denial made by them would vanish. So the programs bring a
// database, for where there is none.
import _ "time/tzdata"
