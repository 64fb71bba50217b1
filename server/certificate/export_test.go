package certificate

// Renew changes the key of tickets, as once a day.
func (p *Pair) Renew() { p.renew() }
