package engine

// slotKey identifies a value number.
type slotKey struct {
	parentKind, keyKind source
	parentID, keyID     int32
	parentVal, keyVal   Value
	data                bool
}

func slotKeyOf(parent, key operand) slotKey {
	return slotKey{
		parentKind: parent.kind, parentID: parent.id, parentVal: parent.val,
		keyKind: key.kind, keyID: key.id, keyVal: key.val,
		data: parent.data,
	}
}

// slotOf returns the slot of parent[key], both of which are no registers.
func (c *compiler) slotOf(parent, key operand) int32 {
	k := slotKeyOf(parent, key)
	if id, ok := c.slots[k]; ok {
		return id
	}
	d := slotDef{parent: parent, key: key, data: parent.data}
	if isString(key) && !d.data {
		d.field = key.val.(*Str)
	}
	id := c.newSlot(d)
	c.slots[k] = id
	return id
}

func (c *compiler) newSlot(d slotDef) int32 {
	c.prog.slots = append(c.prog.slots, d)
	return int32(len(c.prog.slots) - 1)
}

// dependsOn reports whether slot s is undefined whenever slot on is.
func (c *compiler) dependsOn(s, on int32) bool {
	if s == on {
		return true
	}
	d := &c.prog.slots[s]
	if d.fn != nil {
		return false
	}
	return d.parent.kind == inSlot && c.dependsOn(d.parent.id, on) ||
		d.key.kind == inSlot && c.dependsOn(d.key.id, on)
}

// calls reports whether computing a slot runs rules, which may fail.
func (c *compiler) calls(s int32) bool {
	d := &c.prog.slots[s]
	if d.fn != nil {
		return true
	}
	return d.parent.kind == inSlot && c.calls(d.parent.id) ||
		d.key.kind == inSlot && c.calls(d.key.id)
}

// known marks a slot, and with it all that it depends on, as defined.
func (c *compiler) known(sc *scope, s int32) {
	if sc.defined[s] {
		return
	}
	sc.define(s)
	d := &c.prog.slots[s]
	if d.parent.kind == inSlot {
		c.known(sc, d.parent.id)
	}
	if d.key.kind == inSlot {
		c.known(sc, d.key.id)
	}
}
