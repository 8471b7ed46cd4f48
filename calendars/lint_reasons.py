"""Why each fault that the lint finds matters: which client or server falls over it, and how to mend it."""

from typing import NamedTuple


class Reason(NamedTuple):
    """What goes wrong at whom, and the remedy."""

    why: str
    remedy: str


REASONS: dict[str, Reason] = {
    # Octets
    "bom": Reason("Outlook and libical take it for a part of BEGIN and see no calendar.", "Write the file without it."),
    "no-final-line-end": Reason("Parsers that read line by line lose END:VCALENDAR.", "End the last line with CRLF."),
    "bare-lf": Reason("Outlook and Exchange refuse the file; Google reads it in part.", "End every line with CRLF (RFC 5545 §3.1)."),
    "bare-cr": Reason("Some parsers begin a new line there, and the rest is lost.", "Write a line end in a text as \\n."),
    "line-too-long": Reason("Exchange and old Outlooks cut the line off.", "Fold at 75 octets: CRLF and a blank."),
    "blank-line": Reason("ical4j and Outlook stop reading at it.", "Leave no empty line, also not before the first."),
    "control-character": Reason("XML-minded servers (Exchange, CalDAV) refuse the whole event.", "Remove control characters from texts."),
    "fold-in-character": Reason("Google and Apple show a broken letter, or refuse the line.", "Fold only between whole characters."),
    "not-utf-8": Reason("Every reader guesses another charset.", "Write UTF-8."),
    # Lines
    "not-a-content-line": Reason("Strict parsers refuse the file, lenient ones drop the line.", "Write NAME;PARAMETER=VALUE:VALUE."),
    "parameter-quotes": Reason("The name ends at the first quote and the address is lost.", "Quote the whole value, and a quote in it as ^' (RFC 6868)."),
    "unescaped": Reason("The text ends at the comma or semicolon in Outlook and ical.js.", "Write \\, \\; \\\\ and \\n (RFC 5545 §3.3.11)."),
    "unbalanced": Reason("The calendar ends too early or never; nothing is shown.", "Close every BEGIN with its own END."),
    "too-deep": Reason("No calendar is that deep; servers refuse it as an attack.", "Nest at most VCALENDAR, VEVENT, VALARM."),
    "not-one-calendar": Reason("Mail programs read the first and ignore the rest, or nothing.", "Send one VCALENDAR in a part."),
    # Properties
    "version-missing": Reason("Outlook takes the file for vCalendar 1.0.", "Add VERSION:2.0."),
    "version": Reason("Readers of iCalendar refuse another version.", "Write VERSION:2.0."),
    "prodid-missing": Reason("It is required; libical-based servers refuse the file.", "Add a PRODID of your own."),
    "method-missing": Reason(
        "Gmail shows no invitation, and later ignores the CANCEL of an event first sent without it.",
        "Write METHOD directly in the VCALENDAR.",
    ),
    "method-unknown": Reason("No client knows what to do with it.", "Use REQUEST, CANCEL or another of RFC 5546."),
    "method-misplaced": Reason("Gmail shows nothing when METHOD stands in the VEVENT.", "Move it up into the VCALENDAR."),
    "property-twice": Reason("Clients take the first or the last, each its own.", "Write it once."),
    "not-one-event": Reason("Outlook shows the first event only, or the file as a calendar to open.", "Send one VEVENT in an invitation."),
    "other-component": Reason("RFC 5546 does not allow it; libical refuses it and Outlook shows a file.", "Send the VEVENT with its time zone alone."),
    "request-status": Reason("It belongs in an answer (RFC 5546 §3.2); libical refuses it.", "Leave it out."),
    "uid-missing": Reason("No update or cancellation can ever find the event again.", "Give it a UID that stays for ever."),
    "uid-from-date": Reason("When the event moves the UID no longer fits, and an update becomes a second event.", "Make the UID at random, once."),
    "uid-from-title": Reason("When the title changes or comes twice, an update becomes another event.", "Make the UID at random, once."),
    "dtstamp-missing": Reason("Of two mails no client can tell the newer.", "Add DTSTAMP, in UTC."),
    "dtstamp-not-utc": Reason("Exchange refuses it; others read another instant.", "Write DTSTAMP in UTC, with a Z."),
    "dtstart-missing": Reason("There is nothing to put in a calendar.", "Add DTSTART."),
    "dtend-missing": Reason("Clients show a meeting of no length, or of a day.", "Add DTEND."),
    "summary-missing": Reason("The calendar shows an event without a name.", "Add a SUMMARY."),
    "organizer-missing": Reason("No client knows whom to answer.", "Add ORGANIZER:mailto:…"),
    "organizer-without-mailto": Reason("Outlook and Google send no answer.", "Write mailto: before the address."),
    "attendee-without-mailto": Reason("Google does not see that the reader is invited.", "Write mailto: before the address."),
    "sequence-missing": Reason("Clients take it for 0 and drop later updates.", "Write SEQUENCE, from 0."),
    "bad-sequence": Reason("Clients read 0, or refuse the event.", "Write a whole number."),
    "cancel-sequence": Reason(
        "A CANCEL that is not newer than the invitation is ignored, and the meeting stays.",
        "Raise SEQUENCE above that of the last invitation.",
    ),
    "cancel-status": Reason("Apple and Google leave the meeting in the calendar.", "Write STATUS:CANCELLED."),
    "request-cancelled": Reason("Some clients remove the event, others ask to accept it.", "Send METHOD:CANCEL."),
    "alarm-in-cancel": Reason("Apple rings for a meeting that is off.", "Leave VALARM out of a CANCEL."),
    "secret-link": Reason("Whoever gets the event forwarded answers as the first receiver.", "Put personal links in the mail, not in the calendar."),
    # Times
    "bad-date-time": Reason("The event has no moment, or becomes a whole day.", "Write 20261105T133000."),
    "floating-time": Reason("Every reader sees the hour of their own zone.", "Name a TZID, or write UTC with a Z."),
    "utc-with-tzid": Reason("Half of the clients believe the Z, half the TZID.", "Write one of the two."),
    "tzid-without-vtimezone": Reason("Outlook shifts the meeting by an hour or more.", "Add the VTIMEZONE with that TZID."),
    "tzid-not-iana": Reason("Google and Apple do not know the zone and take their own.", "Use an IANA name such as Europe/Amsterdam."),
    "vtimezone-twice": Reason("Clients take the first or the last.", "Write one VTIMEZONE per TZID."),
    "vtimezone-unreadable": Reason("Outlook falls back to its own zone.", "Give TZID, onsets and both offsets."),
    "vtimezone-wrong": Reason("Outlook believes it over its own tables: the meeting is an hour off.", "Write rules that hold on that date."),
    "local-time-unclear": Reason("Clients choose the first, the second or the next hour.", "Write such a time in UTC."),
    "end-not-after-start": Reason("Google refuses the event; Outlook shows a moment.", "End it after it starts."),
    # People
    "attendee-missing": Reason("No client asks for an answer.", "Add the receiver as ATTENDEE."),
    "attendees-several": Reason("Receivers see each other's addresses.", "Send each their own invitation."),
    "bad-partstat": Reason("Clients take it for no answer, or refuse the line.", "Use NEEDS-ACTION, ACCEPTED…"),
    "bad-role": Reason("Exchange refuses the attendee.", "Use REQ-PARTICIPANT, OPT-PARTICIPANT…"),
    "rsvp-missing": Reason("Outlook and Apple show no buttons to answer.", "Write RSVP=TRUE."),
    # Mail
    "mail-unreadable": Reason("What our reader cannot follow, mail filters drop.", "Send a mail of a few parts, well-formed."),
    "mail-bare-line-end": Reason("Servers refuse bare line ends (SMTP smuggling), or break DKIM by mending them.", "End every line with CRLF."),
    "mail-line-too-long": Reason("Servers cut the line, and with it signature and calendar.", "Encode parts as base64 or quoted-printable."),
    "header-not-ascii": Reason("Servers without SMTPUTF8 refuse the mail.", "Encode words (RFC 2047)."),
    "header-count": Reason("Gmail refuses a mail with one missing or double.", "Write it once."),
    "references-own-id": Reason("Some providers replace the Message-ID; then nothing ties an answer to this mail.", "Write our Message-ID in References too."),
    "reply-to-organizer": Reason("A written answer and a calendar's answer go to two addresses.", "Reply-To must be the ORGANIZER's address."),
    "auto-submitted": Reason("Vacation programs answer it.", "Write Auto-Submitted: auto-generated."),
    "auto-response-suppress": Reason("Exchange sends out-of-office notices.", "Write X-Auto-Response-Suppress: OOF, AutoReply."),
    "list-unsubscribe": Reason("A click takes somebody off invitations that they need.", "Keep it for newsletters and digests."),
    "receivers-several": Reason("Receivers see each other.", "Send each their own mail."),
    "receiver-not-invited": Reason("Google says: you are not invited.", "ATTENDEE must be the address in To."),
    "tree-root": Reason("iOS shows no invitation in another tree.", "multipart/mixed, with alternative and invite.ics in it."),
    "tree-mixed": Reason("iOS and Outlook then show a file instead of an invitation.", "First multipart/alternative, then invite.ics."),
    "tree-alternative": Reason("Clients show the last alternative they know; another order hides the invitation.", "Plain, html, text/calendar, in that order."),
    "inline-count": Reason("Gmail and Outlook look for one text/calendar among the alternatives.", "One, without Content-Disposition."),
    "inline-disposition": Reason("Evolution and Thunderbird then show a file.", "Leave Content-Disposition out."),
    "content-id": Reason("Thunderbird then hides the part.", "Leave Content-ID out."),
    "charset-parameter": Reason("Outlook reads the calendar as Windows-1252.", "Write charset=UTF-8."),
    "method-parameter-missing": Reason("Gmail and Outlook show no buttons.", "Write method= in the Content-Type."),
    "method-parameter-differs": Reason("Gmail shows nothing; others believe one of the two.", "Header and METHOD must be the same."),
    "attachment-count": Reason("Clients that skip alternatives find no file to open.", "Attach invite.ics once."),
    "attachment-name": Reason("Outlook knows an invitation by invite.ics.", "Call it invite.ics."),
    "attachment-differs": Reason("Whoever opens the file gets another event.", "Attach the same bytes."),
    "plain-empty": Reason("Who reads plain text, or has it read aloud, gets nothing; filters call it spam.", "Write the whole message in plain text too."),
    "html-too-big": Reason("Gmail cuts it off, with the links at the end.", "Stay under 100 kB."),
    "html-lang": Reason("A screen reader speaks it in the wrong language.", "Write <html lang=…>."),
    "html-alt": Reason("Who cannot see the image hears its file name.", "Give every image an alt text, if only an empty one."),
    "html-table-role": Reason("A screen reader announces rows and columns of the layout.", "Write role=\"presentation\"."),
    "html-color-scheme": Reason("Dark modes turn the colours at random.", "Declare color-scheme in a meta tag."),
    "html-stylesheet": Reason("Gmail and Outlook drop linked style sheets.", "Write the rules in style attributes."),
}  # fmt: skip
"""By code. A test holds that each is here and that each can be found."""
