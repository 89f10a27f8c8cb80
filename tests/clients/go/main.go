// A client of the node-device calls in pure Go, which shares no code with libvirt.
//
//	client SOCKET list | dump NAME... | events LAST
package main

import (
	"fmt"
	"net"
	"os"
	"sort"
	"time"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"
)

const patience = 30 * time.Second

func main() {
	path, verb, rest := os.Args[1], os.Args[2], os.Args[3:]
	connection, err := net.DialTimeout("unix", path, patience)
	check(err)
	events := newTap(connection)
	client := libvirt.NewWithDialer(dialers.NewAlreadyConnected(events))
	check(client.ConnectToURI("nodedev:///system"))
	switch verb {
	case "list":
		list(client)
	case "dump":
		dump(client, rest)
	case "events":
		follow(client, events, rest[0])
	}
	check(client.Disconnect())
}

func list(client *libvirt.Libvirt) {
	devices, _, err := client.ConnectListAllNodeDevices(1, 0)
	check(err)
	sort.Slice(devices, func(i, j int) bool { return devices[i].Name < devices[j].Name })
	for _, device := range devices {
		fmt.Println(device.Name)
	}
}

func dump(client *libvirt.Libvirt, names []string) {
	for _, name := range names {
		device, err := client.NodeDeviceLookupByName(name)
		check(err)
		document, err := client.NodeDeviceGetXMLDesc(device.Name, 0)
		check(err)
		fmt.Print(document)
	}
}

func follow(client *libvirt.Libvirt, events *tap, last string) {
	for kind := int32(0); kind < 2; kind++ {
		_, err := client.ConnectNodeDeviceEventRegisterAny(kind, nil)
		check(err)
	}
	fmt.Println("ready")
	for end := time.After(patience); ; {
		select {
		case event := <-events.happened:
			fmt.Println(event.what, event.name)
			if event.tellsOf(last) {
				return
			}
		case <-end:
			os.Exit(1)
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}
