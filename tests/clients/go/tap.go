package main

import (
	"encoding/binary"
	"net"
	"strings"
)

const (
	procedureLifecycle = 376
	procedureUpdate    = 377
	headerLength       = 28
)

var kinds = [...]string{"created", "deleted", "defined", "undefined"}

type event struct{ what, name string }

func (e event) tellsOf(last string) bool { return strings.Contains(e.name, last) }

// tap reads along on a connection: the library has no call for the events of node devices.
type tap struct {
	net.Conn
	happened chan event
	read     []byte
}

func newTap(connection net.Conn) *tap {
	return &tap{Conn: connection, happened: make(chan event, 4096)}
}

func (t *tap) Read(buffer []byte) (int, error) {
	count, err := t.Conn.Read(buffer)
	t.read = append(t.read, buffer[:count]...)
	for len(t.read) >= headerLength {
		length := int(binary.BigEndian.Uint32(t.read))
		if len(t.read) < length {
			break
		}
		t.look(t.read[:length])
		t.read = t.read[length:]
	}
	return count, err
}

// look hands an event on: a callback's number, a name and, of a lifecycle, its kind.
func (t *tap) look(frame []byte) {
	procedure := binary.BigEndian.Uint32(frame[12:])
	if procedure != procedureLifecycle && procedure != procedureUpdate {
		return
	}
	payload := frame[headerLength+4:]
	length := int(binary.BigEndian.Uint32(payload))
	name := string(payload[4 : 4+length])
	if procedure == procedureUpdate {
		t.happened <- event{"updated", name}
		return
	}
	kind := binary.BigEndian.Uint32(payload[4+(length+3)/4*4:])
	t.happened <- event{kinds[kind], name}
}
