# A client of libvirt's node-device calls in Ruby.
#
#     nodedev.rb URI list | dump NAME...
require "libvirt"

uri, verb, *rest = ARGV
connection = Libvirt.open(uri)
case verb
when "list"
  all = connection.list_all_nodedevices.map(&:name).sort
  abort "the lists differ" unless all == connection.list_nodedevices.sort
  puts all
when "dump"
  rest.each { |name| print connection.lookup_nodedevice_by_name(name).xml_desc }
end
connection.close
