# A server of the old kind: root listens on port 79 and writes its log; each client gets a child that becomes nobody
use strict; use warnings; use IO::Socket::INET; use POSIX qw(setuid setgid :sys_wait_h);
my ($who, $group) = (getpwnam('nobody'))[2, 3];
my $server = IO::Socket::INET->new(LocalPort => 79, Listen => 300, ReuseAddr => 1) or die "listen: $!";
open(my $log, '>>', '/var/log/table/log') or die "log: $!";
$log->autoflush(1);
my $again = 0;
$SIG{HUP} = sub { $again = 1 };
$SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0 };
$SIG{TERM} = sub { exit 0 };
while (1) {
    my $client = $server->accept;
    if ($again) { open($log, '>>', '/var/log/table/log') or die "log: $!"; $log->autoflush(1); $again = 0 }
    next unless $client;
    print $log "client\n";
    defined(my $pid = fork) or die "fork: $!";
    if ($pid) { close $client; next }
    $) = "$group $group"; setgid($group) or die "setgid: $!"; setuid($who) or die "setuid: $!";
    die 'still root' if $< == 0 || $> == 0 || setuid(0);
    print $client getpwuid($>) . "\n";
    exit 0;
}
