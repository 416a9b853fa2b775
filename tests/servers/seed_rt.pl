# Makes what the tests need in a fresh RT 5 and prints it as JSON: a queue, two operators with their rights, custom
# fields, and a token each. Through RT's own objects, because its REST interface (5.0.3) can neither grant a right nor
# make a custom field. Run with RT_SITE_CONFIG naming the instance.
use strict;
use warnings;
use JSON;
use RT;

RT::LoadConfig();
RT::Init();
require RT::AuthToken;

my $system = RT->SystemUser;

sub done {
    my ($what, $id, $message) = @_;
    die "$what: $message\n" unless $id;
    return $id;
}

my $queue = RT::Queue->new($system);
done('queue', $queue->Create(Name => 'Incidents', Description => 'What wakes people up'));

my $team = RT::Group->new($system);
done('group', $team->CreateUserDefinedGroup(Name => 'on call'));

my %address = (alice => 'alice@servers.test', bob => 'bob@servers.test');
for my $name (sort keys %address) {
    my $user = RT::User->new($system);
    done($name, $user->Create(Name => $name, EmailAddress => $address{$name}, Privileged => 1));
    done("$name in the group", $team->AddMember($user->PrincipalId));
}

my @on_the_queue = qw(
    SeeQueue ShowTicket ShowTicketComments ShowOutgoingEmail CreateTicket ReplyToTicket CommentOnTicket ModifyTicket
    OwnTicket TakeTicket StealTicket ReassignTicket Watch SeeCustomField ModifyCustomField
);
done($_, $team->PrincipalObj->GrantRight(Right => $_, Object => $queue)) for @on_the_queue;
done($_, $team->PrincipalObj->GrantRight(Right => $_, Object => RT->System)) for qw(ModifySelf ManageAuthTokens);

my @fields = (
    { Name => 'Severity', Type => 'SelectSingle', values => [qw(sev1 sev2 sev3 sev4)] },
    { Name => 'Service', Type => 'FreeformSingle' },
    { Name => 'Tags', Type => 'FreeformMultiple' },
    # Many values: each update keeps its id beside those of earlier ones.
    { Name => 'PushKey', Type => 'FreeformMultiple' },
);
for my $wanted (@fields) {
    my $field = RT::CustomField->new($system);
    my %is = (Name => $wanted->{Name}, Type => $wanted->{Type}, LookupType => RT::Ticket->CustomFieldLookupType);
    done($wanted->{Name}, $field->Create(%is));
    for my $value (@{ $wanted->{values} || [] }) {
        done($value, $field->AddValue(Name => $value));
    }
    done("$wanted->{Name} of the queue", $field->AddToObject($queue));
}

my %tokens;
for my $name (qw(root alice bob)) {
    my $user = RT::User->new($system);
    $user->Load($name);
    my $token = RT::AuthToken->new($system);
    my ($id, $message, $secret) = $token->Create(Owner => $user->id, Description => 'tests');
    done("token of $name", $id, $message);
    $tokens{$name} = $secret;
}
print encode_json(\%tokens), "\n";
