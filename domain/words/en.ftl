### The words of the product, in English. One message a line or paragraph; `docs/adr/0055-words-in-one-file-a-language.md`
### says how they are used. For each code of the error catalogue, with `.` written as `-`: what happened, then what the
### customer does, what support does, and what an engineer does. Customers never read of our teams, programs or
### settings, nor anything that an outside system said.

## What a summary is about

subject-record = Record { $reference }
subject-position = The record at { $position }
subject-malformed = What the source holds
subject-some-record = A record
subject-run = The run
subject-it = It
subject-test-record = The test record
position-line = line { $number }
position-row = row { $number }

## What is added to a summary

summary-more-fields = and { $count } more

## What there is to do, around the words of the catalogue

action-retrying = A retry is under way.
action-resolved = Nothing: the record has arrived.
action-skipped = Nothing: it was decided to leave this out.
action-superseded = Nothing: a later run took care of it.
action-ask-team = Ask an administrator or member of your team: { $action }

## Fields that are not shown

redaction-operator = This is shown to the operator only.
redaction-technical-detail = Technical details are shown to the operator's engineers.
redaction-record-staff = Records belong to the customer. `revealRecord` shows one for minutes, with a reason, if the customer allows support access.
redaction-record = Records are shown to administrators and members, and to keys with the scope `records:read`.
redaction-exchange = What was sent to outside systems and came back is shown to the operator's engineers.
redaction-exchange-body = Bodies may hold what is a customer's. `revealRecord` shows them with the failure's record for minutes, with a reason, if the customer allows support access.
redaction-logs = Logs and traces are shown to the operator's engineers.

## Groups of failures

group-record = A record of { $stream }
group-malformed = What the source holds of { $stream }
group-run = The run, at { $stream },
group-field = { $summary } (field { $field }).
group-resolved = Nothing: it is over.
group-ignored = Nothing: it was decided to ignore this.
group-with-us = Nothing is needed from you: it is with us.
group-with-vendor = Nothing is needed from you: it is with the maker of the other system.
group-with-you = It is with you now: the note of the hand-over says what is needed.

## Incidents: an outside system that is down for many. $fault is `unavailable` or `rate-limited`.

incident-title = { $fault ->
    [rate-limited] A service that your integrations use takes no more requests for now
   *[unavailable] A service that your integrations use does not answer
  }
incident-message = { $fault ->
    [rate-limited] A service that your integrations use takes no more requests for now. Nothing is lost: what waits for it goes on by itself.
   *[unavailable] A service that your integrations use does not answer. Nothing is lost: what waits for it goes on by itself when it is back.
  }
incident-news-title = News of a service that your integrations use
incident-over-title = A service that your integrations use is back
incident-over = The service answers again. What waited for it goes on by itself, step by step.
incident-detected = We have seen that the service is in trouble, and are on it.
incident-status = { $status ->
    [INVESTIGATING] We are looking into it.
    [IDENTIFIED] The cause is known.
    [MONITORING] The service answers again. What waited goes on, step by step, and we keep watching.
   *[RESOLVED] It is over.
  }
records-expiring-title = Records of failures will be deleted
records-expiring = { $count ->
    [one] The record of { $count } failure that is dealt with will be deleted
   *[other] The records of { $count } failures that are dealt with will be deleted
  } from { $date } (UTC) on, after { $days ->
    [one] { $days } day
   *[other] { $days } days
  }. The failures themselves stay as long as you keep them.
records-expiring-many = The records of more than { $count } failures that are dealt with will be deleted from { $date } (UTC) on, after { $days ->
    [one] { $days } day
   *[other] { $days } days
  }. The failures themselves stay as long as you keep them.
records-expiring-action = Export what you want to keep: `createExport` of `failures` that are resolved, skipped or superseded, with `record`.
incident-wait = Nothing is needed from you: wait until the other service is back. We are on it, and what waits goes on by itself.
incident-wait-staff = Wait until the other system is back: this belongs to an incident. What waits goes on by itself then, and what it ended is retried.

## Suggested actions: a label, and why it helps. $end is the side of the integration, `source` or `destination`.

do-reconnect = { $end ->
    [source] Connect the source system again
    [destination] Connect the destination system again
   *[other] Connect the system again
  }
do-reconnect-why = Give access once more, or enter credentials that are valid. What waited for it can be retried then.
do-test-system = { $end ->
    [source] Test the source system
    [destination] Test the destination system
   *[other] Test the system
  }
do-test-system-why = Says within seconds whether the system answers and takes our sign-in.
do-change-system = { $end ->
    [source] Correct the settings of the source system
    [destination] Correct the settings of the destination system
   *[other] Correct the settings of the system
  }
do-change-system-why = Its address or its options are not as they must be.
do-change-integration = Correct the options of the integration
do-change-integration-why = What they name must be what is there.
do-map-field = Change the mapping or rules of the stream
do-map-field-why = Once the integration fits records like this one, a retry brings them home.
do-edit-and-retry = Edit the record and retry it
do-edit-and-retry-why = Correct what is named above. The record is checked before it is sent again.
do-retry = Retry
do-retry-why = Tries it once more with what is stored. What has arrived already is not written twice.
do-skip = Leave it out
do-skip-why = Ends this failure without bringing the record. Later versions of the record still come.
do-correct-at-source = Correct it at the source
do-correct-at-source-why = The next run takes what is there then.
do-correct-at-destination = Put it right at the destination
do-correct-at-destination-why = What stands in the way is in the destination system itself.
do-start-run = Start a run
do-start-run-why = Reads the source now, with what was corrected there.
do-release-quarantine = Release the quarantine
do-release-quarantine-why = Its records are written, and the integration goes on.
do-discard-quarantine = Discard the quarantine
do-discard-quarantine-why = Its records are left out, and the integration goes on.
do-resume-integration = { $status ->
    [held] Let the integration go on
   *[paused] Resume the integration
  }
do-resume-integration-why = { $status ->
    [held] It was stopped to keep worse from happening. What waited starts once it goes on.
   *[paused] It is paused. What waited starts once it goes on.
  }
do-wait = Wait
do-wait-system-why = The other system is not working as it should. Nothing is lost.
do-wait-until-why = The other system is left alone for a while and then tried again by itself. Nothing is lost.
do-wait-us-why = It is with us. Nothing is needed from you.
do-wait-engineering-why = It is with engineering.
do-wait-retry-why = A retry is under way.
do-cancel-retry = Cancel the retry
do-cancel-retry-why = What is done stays; what is not goes back to open.
do-ask-vendor = Ask the maker of the system
do-ask-vendor-why = Only they can make it answer, or allow more requests.
do-hand-over-us = Hand over to us
do-hand-over-us-why = If you can't solve it yourselves, we go on with it. Say what you know of it.
do-hand-over-support = Hand over to support
do-hand-over-support-why = It needs somebody who speaks with the customer.
do-hand-over-engineering = Hand over to engineering
do-hand-over-engineering-why = It needs a change that only engineers make.

## Why an action can't be taken now

not-for-suspended = This tenant is suspended: its people can look, and change nothing.
not-without-admin = An administrator of your team can do this.
not-without-member = An administrator or member of your team can do this.
not-without-us = This is done by us.
not-without-scope = This key or session was not given the right to; whoever made it can.
not-without-platform-admin = Platform administrators can do this.
not-without-engineer = Engineers and platform administrators can do this.
not-without-customer = Only the customer's own people can do this.
not-when-archived = The integration is archived and writes nothing any more.
not-without-record = Nothing of it is stored that could be written. The next run brings it if it is still at the source.
not-when-malformed = What was read is not a record. Only an edit makes one of it.
not-when-range-outlived = What was to be read again is not part of the integration any more.
not-when-group-resolved = Its group is resolved. Reopen it first.
not-while-quarantined = A quarantine of this integration waits for a decision first.
not-without-credentials = The system has no credentials yet; set its client first.
not-without-public-url = This installation can't make links by which people connect systems.

## What a retry would do, and why

retry-whole = It is of a run as a whole: a retry reads the source again, and nobody knows what it holds now.
retry-removal = It is gone from the source: it is deleted or marked at the destination, as its stream says.
retry-not-kept = Nothing of it was kept that could be written.
retry-no-help = A retry can't help here. Only an edit does.
retry-left-out = The mapping leaves it out: nothing is written, and it ends as skipped.
retry-new = No record with its key was written before.
retry-refused = The destination refused it. Nobody can tell whether it takes it now.
retry-not-found = It was written, and a reconciliation did not find it at the destination.
retry-different = It would replace what a reconciliation found at the destination in its place.
retry-in-doubt = A write of its key was interrupted, and nobody knows what is there now.
retry-same = Exactly this was written already; nothing is written again.
retry-duplicate = It would replace the other record of this key, which the same run wrote.
retry-same-run = The same run wrote something else with its key, and nobody knows which is newer.
retry-of-retry = A retry wrote something else with its key, and nobody knows which is newer.
retry-newer = A later run wrote something else with its key: a retry would put the older over the newer.
retry-older = It would change what an earlier run wrote with its key.
retry-under-way = A run that was under way wrote something else with its key, and nobody knows which is newer.
retry-forgotten = Something else was written with its key, and nobody knows any more when.
retry-archived = Its integration is archived and starts nothing.
retry-no-stream = The integration does not have its stream any more.

## What a rule of a field asks, where the rule alone tells it

rule-required = is required
rule-additionalProperties = is not an expected field
rule-type = must be { $expected ->
    [array] a list
    [boolean] true or false
    [integer] a whole number
    [null] empty (null)
    [number] a number
    [object] an object with fields
   *[string] text
  }
rule-format = must be { $expected ->
    [email] an e-mail address
    [date-time] a date and time, like 2026-01-31T12:00:00Z
    [date] a date, like 2026-01-31
    [time] a time with its offset, like 12:00:00Z
    [duration] a duration, like P3D or PT2H
    [uri] an absolute URL
    [uri-reference] a URL
    [hostname] a host name
    [ipv4] an IPv4 address
    [ipv6] an IPv6 address
    [uuid] a UUID
    [regex] a regular expression
   *[json-pointer] a JSON Pointer
  }
rule-pattern = must match the pattern { $limit }
rule-minimum = must be at least { $limit }
rule-maximum = must be at most { $limit }
rule-exclusiveMinimum = must be more than { $limit }
rule-exclusiveMaximum = must be less than { $limit }
rule-multipleOf = must be a multiple of { $limit }
rule-enum = must be one of: { $limit }
rule-enum-more = must be one of: { $limit } and { $count } more
rule-const = must be { $limit }
rule-minLength = must be at least { $count ->
    [one] { $count } character
   *[other] { $count } characters
  } long
rule-maxLength = must be at most { $count ->
    [one] { $count } character
   *[other] { $count } characters
  } long
rule-minItems = must have at least { $count ->
    [one] { $count } item
   *[other] { $count } items
  }
rule-maxItems = must have at most { $count ->
    [one] { $count } item
   *[other] { $count } items
  }
rule-uniqueItems = must not have the same item twice

## The error catalogue

record-schema_violation = { $subject } does not meet the rules for this data.
record-schema_violation-customer = Edit the record here and retry it, or correct it at its source; the next run takes it from there.
record-schema_violation-support = Help the customer to correct the fields that are named here.
record-schema_violation-engineer = If the rule is wrong, change the stream's record schema; the customer corrects the data otherwise.

record-mapping_failed = { $subject } could not be converted for the destination.
record-mapping_failed-customer = Nothing is needed from you: we are on it. If a value in the record is wrong, you can edit and retry it.
record-mapping_failed-support = It takes an engineer: the stream's mapping does not cover this record.
record-mapping_failed-engineer = Change the stream's mapping so that it covers this record, then retry.

record-duplicate_key = { $subject } has the same key as another record of the source; the first one was used.
record-duplicate_key-customer = Give one of the two its own key, here or at the source, and retry; or skip this one.
record-duplicate_key-support = Help the customer to find the two source records that share this key.
record-duplicate_key-engineer = If both records are right, the stream needs another key field.

record-duplicate_across_slices = { $subject } has the same key as another record of the source, which was read at the same time; one of the two is at the destination.
record-duplicate_across_slices-customer = Give one of the two its own key at the source, or take it out. The next run writes what is there then.
record-duplicate_across_slices-support = Help the customer to find the two source records that share this key.
record-duplicate_across_slices-engineer = If both records are right, the stream needs another key field. With `slices` 1 the first one is used, as in any run that is not divided.

record-missing_key = { $subject } has no value in the field that identifies it.
record-missing_key-customer = Fill in the key field, here or at the source, and retry.
record-missing_key-support = Help the customer to fill in the key field.
record-missing_key-engineer = If the field may be empty, the stream needs another key field.

record-unusable_key = { $subject } has a value that can't identify it.
record-unusable_key-customer = Correct the key field, here or at the source, and retry.
record-unusable_key-support = Help the customer to correct the key field.
record-unusable_key-engineer = If the source's values are right, the stream needs another key field.

record-duplicate_value = { $subject } has a value that another record of the source has, where none may share it; the first one was used.
record-duplicate_value-customer = Give one of the two its own value, here or at the source, and retry; or skip this one.
record-duplicate_value-support = Help the customer to find the two source records that share this value.
record-duplicate_value-engineer = If records may share it, take the fields out of the uniqueness of the stream's quality.

record-missing_reference = { $subject } refers to something that has not arrived.
record-missing_reference-customer = Once what it refers to has arrived, retry it; or correct the reference, here or at the source.
record-missing_reference-support = Help the customer to find out whether the reference is wrong, or what it refers to is missing.
record-missing_reference-engineer = The stream that is referred to must stand before this one in the integration, and have receipts of what is meant.

record-quarantined = { $subject } is kept in quarantine, because too much else of its data looked wrong.
record-quarantined-customer = Look at the quarantine of the integration: release it, and its records are written; or discard it, and they are left out.
record-quarantined-support = Help the customer to decide whether to release the quarantine or to discard it.
record-quarantined-engineer = If the limits of the stream's quality gate are wrong, change them; the customer decides about the quarantine.

source-malformed = { $subject } is not what the integration expects
source-malformed-customer = Correct the file or data at the source and start a new run.
source-malformed-support = Help the customer to provide data in the agreed form.
source-malformed-engineer = Compare the source with the stream's options; the technical detail has the place.

source-unauthorized = { $subject } could not read: the source system refuses its sign-in.
source-unauthorized-customer = Renew the sign-in of the source system, or connect it again, then retry.
source-unauthorized-support = Ask the customer to renew the sign-in of the source system, or to connect it again.
source-unauthorized-engineer = Check with the customer which credentials and rights the source system needs.

destination-unauthorized = { $subject } could not write: the destination system refuses its sign-in.
destination-unauthorized-customer = Renew the sign-in of the destination system, or connect it again, then retry.
destination-unauthorized-support = Ask the customer to renew the sign-in of the destination system, or to connect it again.
destination-unauthorized-engineer = Check with the customer which credentials and rights the destination system needs.

source-not_found = { $subject } could not read: the table, file or object is not there.
source-not_found-customer = Put the source table, file or object back, or change the integration, then retry.
source-not_found-support = Ask the customer what became of the source.
source-not_found-engineer = Compare the stream's source options with what is there.

destination-not_found = { $subject } could not write: the table, file or object is not there.
destination-not_found-customer = Put the destination table, file or object back, or change the integration, then retry.
destination-not_found-support = Ask the customer what became of the destination.
destination-not_found-engineer = Compare the stream's destination options with what is there.

destination-rejected = { $subject } was refused by the destination system.
destination-rejected-customer = Edit the record here and retry it, or correct it at its source.
destination-rejected-support = Help the customer to correct the fields that are named here.
destination-rejected-engineer = Read the technical detail for the other system's own reason; change the mapping if it is to blame.

destination-conflict = { $subject } was changed in the destination system by someone else.
destination-conflict-customer = Our support will look into it; you can compare the record at both sides meanwhile.
destination-conflict-support = Find out with the customer which side is right, then retry or skip.
destination-conflict-engineer = If this happens often, the two sides need an owner for each field.

destination-removal_refused = { $subject } is gone from the source, and the destination system did not let it go.
destination-removal_refused-customer = Remove it at the destination, or what refers to it there; the next run tries again by itself.
destination-removal_refused-support = Help the customer to find what refers to the record at the destination.
destination-removal_refused-engineer = Read the technical detail; where records refer to it by design, mark what is gone instead of deleting it.

source-rate_limited = { $subject } was slowed down by the source system.
source-rate_limited-customer = Nothing is needed from you now: it can be retried once the other system works again.
source-rate_limited-support = Retry later; if it goes on, ask the maker of the source system for a higher limit.
source-rate_limited-engineer = Lower the rate of the source system's options if it goes on.

destination-rate_limited = { $subject } was slowed down by the destination system.
destination-rate_limited-customer = Nothing is needed from you now: it can be retried once the other system works again.
destination-rate_limited-support = Retry later; if it goes on, ask the maker of the destination system for a higher limit.
destination-rate_limited-engineer = Lower the rate of the destination system's options if it goes on.

source-unavailable = { $subject } could not read: the source system is down or can't be reached.
source-unavailable-customer = Nothing is needed from you now: it can be retried once the other system works again.
source-unavailable-support = Ask the customer whether the source system is known to be down; retry when it is up.
source-unavailable-engineer = The technical detail says how it failed; retry when the source system is up.

destination-unavailable = { $subject } could not write: the destination system is down or can't be reached.
destination-unavailable-customer = Nothing is needed from you now: it can be retried once the other system works again.
destination-unavailable-support = Ask the customer whether the destination system is known to be down; retry when it is up.
destination-unavailable-engineer = The technical detail says how it failed; retry when the destination system is up.

source-timeout = { $subject } could not read: the source system took too long to answer.
source-timeout-customer = Nothing is needed from you now: it can be retried once the other system works again.
source-timeout-support = Retry later; if it goes on, tell the maker of the source system.
source-timeout-engineer = Smaller pages or a longer time-out help if it goes on.

destination-timeout = { $subject } could not write: the destination system took too long to answer.
destination-timeout-customer = Nothing is needed from you now: it can be retried once the other system works again.
destination-timeout-support = Retry later; if it goes on, tell the maker of the destination system.
destination-timeout-engineer = A longer time-out helps if it goes on.

source-stalled = { $subject } was stopped: the source system sent nothing for too long.
source-stalled-customer = Nothing is needed from you now: it can be retried once the other system works again.
source-stalled-support = Ask the customer whether the source system hangs; retry when it answers again.
source-stalled-engineer = The technical detail says since when. If the source needs longer for a page, raise the integration's progressTimeoutSeconds.

destination-stalled = { $subject } was stopped: the destination system did not answer for too long.
destination-stalled-customer = Nothing is needed from you now: it can be retried once the other system works again.
destination-stalled-support = Ask the customer whether the destination system hangs; retry when it answers again.
destination-stalled-engineer = The technical detail says since when. If the destination needs longer for a batch, raise the integration's progressTimeoutSeconds.

source-forbidden = { $subject } could not read: the source's address is not one that integrations may reach.
source-forbidden-customer = Check the address of the source system; if it is right, ask our support to allow it.
source-forbidden-support = If the address is legitimate, ask the platform's administrator to allow its network.
source-forbidden-engineer = Add the network to TRESTLE_EGRESS_ALLOW if it is legitimate.

destination-forbidden = { $subject } could not write: the destination's address is not one that integrations may reach.
destination-forbidden-customer = Check the address of the destination system; if it is right, ask our support to allow it.
destination-forbidden-support = If the address is legitimate, ask the platform's administrator to allow its network.
destination-forbidden-engineer = Add the network to TRESTLE_EGRESS_ALLOW if it is legitimate.

source-misconfigured = { $subject } could not read: the integration's options do not fit the source system
source-misconfigured-customer = Correct the integration's source options if you manage it; our support helps.
source-misconfigured-support = Correct the source options with the customer, then retry.
source-misconfigured-engineer = Read the technical detail and correct the stream's source options.

destination-misconfigured = { $subject } could not write: the integration's options do not fit the destination system
destination-misconfigured-customer = Correct the integration's destination options if you manage it; our support helps.
destination-misconfigured-support = Correct the destination options with the customer, then retry.
destination-misconfigured-engineer = Read the technical detail and correct the stream's destination options.

destination-malformed = { $subject } got an answer from the destination system that we do not understand
destination-malformed-customer = Check the address of the destination system; our support helps.
destination-malformed-support = Check with the customer that the destination's address is the right one.
destination-malformed-engineer = The technical detail has what it answered.

reconciliation-missing = { $subject } was delivered, and is not at the destination.
reconciliation-missing-customer = Retry it to bring it there again, or skip it if somebody removed it on purpose.
reconciliation-missing-support = Ask the customer who removes records at the destination; a retry brings them back.
reconciliation-missing-engineer = Somebody else writes to the destination, or it was restored from a copy; a retry brings the record back.

reconciliation-different = { $subject } was delivered, and is something else at the destination.
reconciliation-different-customer = Retry it to put the source's contents there again, or skip it if they were changed on purpose.
reconciliation-different-support = Ask the customer who changes records at the destination; a retry puts the source's contents there.
reconciliation-different-engineer = Somebody else writes to the destination, or its triggers change what is written; a retry writes the record again.

reconciliation-extra = { $subject } is gone from the source, and is still at the destination.
reconciliation-extra-customer = Retry it to have it deleted or marked there, as the stream's `deletions` say, or skip it to leave it as it is.
reconciliation-extra-support = Ask the customer whether it was removed at the source on purpose; a retry removes it at the destination too.
reconciliation-extra-engineer = An INCREMENTAL stream does not see what is deleted at its source; a retry removes exactly these keys.

synthetic-left_out = { $subject } was left out by the mapping, so that it proves nothing.
synthetic-left_out-customer = Give the synthetic check a record that the mapping does not leave out.
synthetic-left_out-support = Give the synthetic check, with the customer, a record that the mapping does not leave out.
synthetic-left_out-engineer = The stream's mapping says `abort` for the record of the synthetic check.

synthetic-unmarked = { $subject } lost its mark in the mapping and was not written: it could have replaced a real one.
synthetic-unmarked-customer = Have the mapping take the destination's key from the key of the record.
synthetic-unmarked-support = Ask the customer to have the mapping take the destination's key from the key of the record.
synthetic-unmarked-engineer = None of the destination's key fields has the mark after the mapping; look at what the stream's mapping does to them.

synthetic-missing = { $subject } was taken by the destination, and is not there.
synthetic-missing-customer = Look at the destination who or what removes new records.
synthetic-missing-support = Ask the customer who or what removes new records at the destination.
synthetic-missing-engineer = The destination answered the write, and a new connection does not find the key: a trigger, a policy for rows, or a copy that lags behind.

synthetic-different = { $subject } was taken by the destination, and is something else there.
synthetic-different-customer = Look at the destination who or what changes new records.
synthetic-different-support = Ask the customer who or what changes new records at the destination.
synthetic-different-engineer = A trigger or a column's type changes what is written; a comparison of real records finds the same.

synthetic-left_behind = { $subject } arrived and could not be removed again.
synthetic-left_behind-customer = Nothing is needed at once: it is removed before the next one is sent. Should it stay, look at the destination what keeps it.
synthetic-left_behind-support = The next check removes it first. Should it stay, look with the customer at what keeps it at the destination.
synthetic-left_behind-engineer = The destination answered that it removed the key and still has it: a soft delete, or a trigger that brings it back.

platform-worker_lost = { $subject } was interrupted by a fault on our side; nothing is lost.
platform-worker_lost-customer = Nothing is needed from you; it can be retried at any time.
platform-worker_lost-support = Retry it; hand over to engineering if it happens again.
platform-worker_lost-engineer = Workers died on this run more often than it may be tried: look for what kills them, then retry.

platform-storage = { $subject } was interrupted by a fault of our storage; nothing is lost.
platform-storage-customer = Nothing is needed from you; it can be retried at any time.
platform-storage-support = Retry it; hand over to engineering if it happens again.
platform-storage-engineer = Check the database's health and space, then retry.

platform-stalled = { $subject } was stopped: it made no progress on our side for too long; nothing is lost.
platform-stalled-customer = Nothing is needed from you; it can be retried at any time.
platform-stalled-support = Retry it; hand over to engineering if it happens again.
platform-stalled-engineer = The technical detail says what was waited for, and since when: the mapping of a record, or our database.

platform-internal = { $subject } met a fault on our side.
platform-internal-customer = Nothing is needed from you: we are looking into it.
platform-internal-support = It takes an engineer; give them the id of this failure.
platform-internal-engineer = Read the technical detail and the run's events; retry once the fault is mended.
