# Makes RT's user peerhound with the rights that docs/tickets.md names and no others, and prints a token of it.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT -init;

sub done { my ($ok, $why) = @_; die "$why\n" unless $ok }

my $user = RT::User->new(RT->SystemUser);
done($user->Create(Name => 'peerhound', Privileged => 1, EmailAddress => 'peerhound@example.com'));
my $queue = RT::Queue->new(RT->SystemUser);
done($queue->Load('General'));
for my $right (qw(SeeQueue CreateTicket ShowTicket CommentOnTicket ShowTicketComments)) {
    done($user->PrincipalObj->GrantRight(Object => $queue, Right => $right));
}
my $token = RT::AuthToken->new(RT->SystemUser);
my ($ok, $why, $auth) = $token->Create(Owner => $user->id, Description => 'peerhound');
done($ok, $why);
print "$auth\n";
