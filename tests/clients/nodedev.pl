# A client of libvirt's node-device calls in Perl.
#
#     nodedev.pl URI list | dump NAME... | events LAST
use strict;
use warnings;
use Sys::Virt;
use Sys::Virt::NodeDevice;

my @KINDS    = qw(created deleted defined undefined);
my $PATIENCE = 30;

sub follow {
    my ( $connection, $last ) = @_;
    my $running  = 1;
    my $happened = sub {
        my ( $what, $device ) = @_;
        print "$what ", $device->get_name, "\n";
        $running = 0 if index( $device->get_name, $last ) >= 0;
    };
    $connection->node_device_event_register_any( undef,
        Sys::Virt::NodeDevice::EVENT_ID_LIFECYCLE,
        sub { $happened->( $KINDS[ $_[2] ], $_[1] ) } );
    $connection->node_device_event_register_any( undef,
        Sys::Virt::NodeDevice::EVENT_ID_UPDATE,
        sub { $happened->( "updated", $_[1] ) } );
    print "ready\n";
    alarm $PATIENCE;
    Sys::Virt::Event::run_default() while $running;
}

$| = 1;
my ( $uri, $verb, @rest ) = @ARGV;
Sys::Virt::Event::register_default();
my $connection = Sys::Virt->new( uri => $uri );
if ( $verb eq "list" ) {
    print "$_\n" for sort map { $_->get_name } $connection->list_all_node_devices;
}
elsif ( $verb eq "dump" ) {
    print $connection->get_node_device_by_name($_)->get_xml_description for @rest;
}
elsif ( $verb eq "events" ) {
    follow( $connection, $rest[0] );
}
