"""Each fault that the lint finds, in Dutch: what is wrong, at whom it goes wrong, and how to mend it."""

from typing import NamedTuple


class Fault(NamedTuple):
    """`what` may name with `{}` what the finding is about."""

    what: str
    why: str
    remedy: str


DUTCH: dict[str, Fault] = {
    # Octets
    "bom": Fault("De agenda begint met een byte order mark.", "Outlook en libical lezen het als deel van BEGIN en zien geen agenda.", "Schrijf het bestand zonder."),
    "no-final-line-end": Fault("De laatste regel eindigt niet op CRLF.", "Wie regel voor regel leest, mist END:VCALENDAR.", "Sluit de laatste regel af met CRLF."),
    "bare-lf": Fault("De regel eindigt op LF alleen.", "Outlook en Exchange weigeren het bestand; Google leest een deel.", "Sluit elke regel af met CRLF (RFC 5545 §3.1)."),
    "bare-cr": Fault("Er staat een losse CR in de regel.", "Sommige programma's beginnen daar een nieuwe regel en verliezen de rest.", "Schrijf een regeleinde in een tekst als \\n."),
    "line-too-long": Fault("De regel is {} bytes lang.", "Exchange en oude Outlooks kappen de regel af.", "Vouw bij 75 bytes: CRLF en een spatie."),
    "blank-line": Fault("De regel is leeg.", "ical4j en Outlook stoppen daar met lezen.", "Laat geen lege regels staan, ook niet vooraan."),
    "control-character": Fault("De regel bevat een onzichtbaar besturingsteken.", "Exchange en CalDAV-servers weigeren de hele afspraak.", "Haal besturingstekens uit teksten."),
    "fold-in-character": Fault("De vouw voor deze regel knipt een UTF-8-teken in tweeën.", "Google en Apple tonen een kapotte letter, of weigeren de regel.", "Vouw alleen tussen hele tekens."),
    "not-utf-8": Fault("De regel is geen UTF-8.", "Iedere lezer gokt een andere tekenset.", "Schrijf UTF-8."),
    # Lines
    "not-a-content-line": Fault("De regel is geen NAAM;PARAMETERS:WAARDE, of er blijft een aanhalingsteken open.", "Strenge lezers weigeren het bestand, milde laten de regel weg.", "Schrijf NAAM;PARAMETER=WAARDE:WAARDE."),
    "parameter-quotes": Fault("De aanhalingstekens van {} staan niet om de hele waarde.", "De naam eindigt bij het eerste aanhalingsteken en het adres gaat verloren.", "Zet ze om de hele waarde, en schrijf een aanhalingsteken erin als ^' (RFC 6868)."),
    "unescaped": Fault("{} bevat een komma, puntkomma of backslash zonder backslash ervoor.", "De tekst houdt daar op in Outlook en ical.js.", "Schrijf \\, \\; \\\\ en \\n (RFC 5545 §3.3.11)."),
    "unbalanced": Fault("Bij {} ontbreekt de andere helft.", "De agenda eindigt te vroeg of nooit; er is niets te zien.", "Sluit elke BEGIN met zijn eigen END."),
    "too-deep": Fault("De onderdelen zijn te diep genest om te lezen.", "Geen agenda is zo diep; servers weigeren het als aanval.", "Nest hoogstens VCALENDAR, VEVENT, VALARM."),
    "not-one-calendar": Fault("Het is niet precies één VCALENDAR.", "Mailprogramma's lezen de eerste, of niets.", "Stuur één VCALENDAR per deel."),
    # Properties
    "version-missing": Fault("De VCALENDAR heeft geen VERSION.", "Outlook houdt het voor vCalendar 1.0.", "Schrijf VERSION:2.0."),
    "version": Fault("VERSION is {}.", "Lezers van iCalendar weigeren een andere versie.", "Schrijf VERSION:2.0."),
    "prodid-missing": Fault("De VCALENDAR heeft geen PRODID.", "Het moet; servers op libical weigeren het bestand.", "Schrijf een eigen PRODID."),
    "method-missing": Fault("De VCALENDAR heeft geen METHOD.", "Gmail toont niets, en negeert later ook de afzegging.", "Schrijf METHOD:REQUEST, direct in de VCALENDAR."),
    "method-unknown": Fault("METHOD {} staat niet in RFC 5546.", "Geen programma weet wat het ermee moet.", "Schrijf REQUEST of CANCEL."),
    "method-misplaced": Fault("METHOD staat in {}.", "Gmail en Outlook zien het daar niet en tonen niets.", "Zet het direct in de VCALENDAR."),
    "property-twice": Fault("{} staat er twee keer.", "Elk programma kiest een andere van de twee.", "Schrijf het één keer."),
    "not-one-event": Fault("Er zijn {} VEVENTs.", "Outlook toont alleen de eerste, of het bestand als losse agenda.", "Zet één VEVENT in een uitnodiging."),
    "other-component": Fault("Naast de VEVENT staat een {}.", "RFC 5546 staat het niet toe; libical weigert het en Outlook toont een bestand.", "Stuur alleen de VEVENT met haar tijdzone."),
    "request-status": Fault("Er staat een REQUEST-STATUS in.", "Dat hoort in een antwoord (RFC 5546 §3.2); libical weigert het.", "Laat het weg."),
    "uid-missing": Fault("De VEVENT heeft geen UID.", "Geen wijziging of afzegging kan de afspraak ooit terugvinden.", "Geef een UID die altijd blijft."),
    "uid-from-date": Fault("De UID bevat de datum van de afspraak.", "Verschuift de afspraak, dan klopt de UID niet meer en wordt een wijziging een tweede afspraak.", "Maak de UID één keer, willekeurig."),
    "uid-from-title": Fault("De UID bevat de titel van de afspraak.", "Verandert de titel, of komt hij twee keer voor, dan wordt een wijziging een andere afspraak.", "Maak de UID één keer, willekeurig."),
    "dtstamp-missing": Fault("De VEVENT heeft geen DTSTAMP.", "Van twee mails weet geen programma welke nieuwer is.", "Schrijf DTSTAMP, in UTC."),
    "dtstamp-not-utc": Fault("DTSTAMP is niet in UTC.", "Exchange weigert het; anderen lezen een ander moment.", "Schrijf DTSTAMP in UTC, met een Z."),
    "dtstart-missing": Fault("De VEVENT heeft geen DTSTART.", "Er valt niets in een agenda te zetten.", "Schrijf DTSTART."),
    "dtend-missing": Fault("De VEVENT heeft geen DTEND.", "Agenda's tonen een afspraak zonder duur, of van een hele dag.", "Schrijf DTEND."),
    "summary-missing": Fault("De VEVENT heeft geen SUMMARY.", "De agenda toont een afspraak zonder naam.", "Schrijf een SUMMARY."),
    "organizer-missing": Fault("De VEVENT heeft geen ORGANIZER.", "Geen programma weet aan wie het antwoord moet.", "Schrijf ORGANIZER:mailto:…"),
    "organizer-without-mailto": Fault("ORGANIZER is niet mailto: met een adres.", "Outlook en Google sturen geen antwoord.", "Schrijf mailto: voor het adres."),
    "attendee-without-mailto": Fault("ATTENDEE is niet mailto: met een adres.", "Google ziet niet dat de lezer is uitgenodigd.", "Schrijf mailto: voor het adres."),
    "sequence-missing": Fault("De VEVENT heeft geen SEQUENCE.", "Programma's houden het voor 0 en laten latere wijzigingen vallen.", "Schrijf SEQUENCE, vanaf 0."),
    "bad-sequence": Fault("SEQUENCE is geen heel getal van 0 tot 2147483647.", "Programma's lezen 0, of weigeren de afspraak.", "Schrijf een heel getal."),
    "cancel-sequence": Fault("De CANCEL heeft SEQUENCE 0.", "Een afzegging die niet nieuwer is dan de uitnodiging telt niet; de afspraak blijft staan.", "Zet SEQUENCE hoger dan die van de laatste uitnodiging."),
    "cancel-status": Fault("De CANCEL zegt niet STATUS:CANCELLED.", "Apple en Google laten de afspraak in de agenda staan.", "Schrijf STATUS:CANCELLED."),
    "request-cancelled": Fault("De REQUEST zegt STATUS:CANCELLED.", "Sommige programma's halen de afspraak weg, andere vragen om een antwoord.", "Stuur METHOD:CANCEL."),
    "alarm-in-cancel": Fault("Er staat een VALARM in een {}.", "Apple laat een alarm horen voor een afspraak die niet doorgaat.", "Laat VALARM weg."),
    "secret-link": Fault("{} bevat een persoonlijke link.", "Wie de afspraak doorgestuurd krijgt, antwoordt als de eerste ontvanger.", "Zet persoonlijke links in de mail, niet in de agenda."),
    # Times
    "bad-date-time": Fault("{} is geen datum met tijd.", "De afspraak heeft geen moment, of wordt een hele dag.", "Schrijf 20261105T133000."),
    "floating-time": Fault("{} heeft geen TZID en geen Z.", "Elke lezer ziet het uur van de eigen tijdzone.", "Noem een TZID, of schrijf UTC met een Z."),
    "utc-with-tzid": Fault("{} is in UTC (Z) en noemt ook een TZID.", "De helft van de programma's gelooft de Z, de andere de TZID.", "Schrijf één van de twee."),
    "tzid-without-vtimezone": Fault("Er is geen VTIMEZONE voor {}.", "Outlook verschuift de afspraak een uur of meer.", "Voeg de VTIMEZONE met die TZID toe."),
    "tzid-not-iana": Fault("De TZID {} is geen IANA-tijdzone.", "Google en Apple kennen de zone niet en nemen hun eigen.", "Gebruik een IANA-naam zoals Europe/Amsterdam."),
    "vtimezone-twice": Fault("Er zijn twee VTIMEZONEs voor {}.", "Programma's nemen de eerste of de laatste.", "Schrijf één VTIMEZONE per TZID."),
    "vtimezone-unreadable": Fault("Uit de VTIMEZONE valt geen tijd af te leiden.", "Outlook valt terug op de eigen zone.", "Geef TZID, begin en beide verschillen met UTC."),
    "vtimezone-wrong": Fault("De VTIMEZONE klopt niet op {}.", "Outlook gelooft haar boven de eigen tabellen: de afspraak staat een uur verkeerd.", "Schrijf regels die op die datum gelden."),
    "local-time-unclear": Fault("{} valt in het uur dat bij het verzetten van de klok wegvalt of dubbel is.", "Programma's kiezen het eerste, het tweede of het volgende uur.", "Schrijf zo'n tijd in UTC."),
    "end-not-after-start": Fault("DTEND komt niet na DTSTART.", "Google weigert de afspraak; Outlook toont een ogenblik.", "Laat haar eindigen nadat zij begint."),
    # People
    "attendee-missing": Fault("De {} heeft geen ATTENDEE.", "Geen programma vraagt om een antwoord.", "Noem de ontvanger als ATTENDEE."),
    "attendees-several": Fault("Er staat nog een ATTENDEE in.", "Ontvangers zien elkaars adres.", "Stuur ieder een eigen uitnodiging."),
    "bad-partstat": Fault("PARTSTAT {} bestaat niet voor een VEVENT.", "Programma's houden het voor geen antwoord, of weigeren de regel.", "Gebruik NEEDS-ACTION, ACCEPTED…"),
    "bad-role": Fault("ROLE {} staat niet in RFC 5545.", "Exchange weigert de genodigde.", "Gebruik REQ-PARTICIPANT, OPT-PARTICIPANT…"),
    "rsvp-missing": Fault("De REQUEST vraagt niet om een antwoord.", "Outlook en Apple tonen geen knoppen.", "Schrijf RSVP=TRUE."),
    # Mail
    "mail-unreadable": Fault("De mail is niet te lezen.", "Wat onze lezer niet kan volgen, laten mailfilters vallen.", "Stuur een mail van een paar delen, goed gevormd."),
    "mail-bare-line-end": Fault("Een regel van de mail eindigt niet op CRLF.", "Servers weigeren dat (SMTP smuggling), of breken DKIM door het te herstellen.", "Sluit elke regel af met CRLF."),
    "mail-line-too-long": Fault("Een regel van de mail is langer dan 998 bytes.", "Servers knippen de regel af, en daarmee handtekening en agenda.", "Codeer delen als base64 of quoted-printable."),
    "header-not-ascii": Fault("Een kop bevat kale 8-bitstekens.", "Servers zonder SMTPUTF8 weigeren de mail.", "Codeer woorden (RFC 2047)."),
    "header-count": Fault("De mail heeft {} in de kop; het moet er één zijn.", "Gmail weigert een mail waarin er een ontbreekt of dubbel staat.", "Schrijf hem één keer."),
    "references-own-id": Fault("In References ontbreekt de eigen Message-ID.", "Sommige aanbieders vervangen de Message-ID; dan bindt niets een antwoord aan deze mail.", "Schrijf onze Message-ID ook in References."),
    "reply-to-organizer": Fault("Reply-To is niet het adres van de ORGANIZER.", "Een geschreven antwoord en dat van een agenda gaan naar twee adressen.", "Maak Reply-To gelijk aan het adres van de ORGANIZER."),
    "auto-submitted": Fault("Auto-Submitted: auto-generated ontbreekt.", "Afwezigheidsberichten komen terug.", "Schrijf Auto-Submitted: auto-generated."),
    "auto-response-suppress": Fault("X-Auto-Response-Suppress ontbreekt.", "Exchange stuurt afwezigheidsberichten.", "Schrijf X-Auto-Response-Suppress: OOF, AutoReply."),
    "list-unsubscribe": Fault("Een uitnodiging heeft List-Unsubscribe.", "Met één klik is iemand af van uitnodigingen die nodig zijn.", "Bewaar het voor nieuwsbrieven en overzichten."),
    "receivers-several": Fault("De mail noemt {} ontvangers.", "Ontvangers zien elkaar.", "Stuur ieder een eigen mail."),
    "receiver-not-invited": Fault("De mail gaat naar een ander adres dan de ATTENDEE.", "Google zegt: je bent niet uitgenodigd.", "ATTENDEE moet het adres in To zijn."),
    "tree-root": Fault("De mail is {}.", "iOS toont geen uitnodiging in een andere boom.", "Maak er multipart/mixed van, met daarin alternative en invite.ics."),
    "tree-mixed": Fault("De delen van de mail zijn {}.", "iOS en Outlook tonen dan een bestand in plaats van een uitnodiging.", "Eerst multipart/alternative, dan invite.ics."),
    "tree-alternative": Fault("De alternatieven zijn {}.", "Programma's tonen het laatste dat zij kennen; een andere volgorde verbergt de uitnodiging.", "Plain, html, text/calendar, in die volgorde."),
    "inline-count": Fault("Er zijn {} text/calendar-delen zonder bijlage te zijn; het moet er één zijn.", "Gmail en Outlook zoeken er één tussen de alternatieven.", "Eén, zonder Content-Disposition."),
    "inline-disposition": Fault("Het agendadeel heeft een Content-Disposition.", "Evolution en Thunderbird tonen dan een bestand.", "Laat Content-Disposition weg."),
    "content-id": Fault("Het agendadeel heeft een Content-ID.", "Thunderbird verbergt het deel dan.", "Laat Content-ID weg."),
    "charset-parameter": Fault("De Content-Type van het agendadeel zegt niet charset=UTF-8.", "Outlook leest de agenda als Windows-1252.", "Schrijf charset=UTF-8."),
    "method-parameter-missing": Fault("De Content-Type heeft geen method.", "Gmail en Outlook tonen geen knoppen.", "Schrijf method= in de Content-Type."),
    "method-parameter-differs": Fault("De Content-Type en de agenda zeggen niet dezelfde METHOD: {}.", "Gmail toont niets; anderen geloven een van de twee.", "Maak de kop en METHOD gelijk."),
    "attachment-count": Fault("Er zijn {} agendabijlagen; het moet er één zijn.", "Wie alternatieven overslaat, vindt geen bestand om te openen.", "Voeg invite.ics één keer toe."),
    "attachment-name": Fault("De bijlage heet {}.", "Outlook herkent een uitnodiging aan invite.ics.", "Noem haar invite.ics."),
    "attachment-differs": Fault("De bijlage is niet byte voor byte gelijk aan het agendadeel.", "Wie het bestand opent, krijgt een andere afspraak.", "Voeg dezelfde bytes toe."),
    "plain-empty": Fault("De platte tekst is leeg.", "Wie platte tekst leest of laat voorlezen, krijgt niets; filters noemen het spam.", "Schrijf het hele bericht ook als platte tekst."),
    "html-too-big": Fault("De HTML is {} bytes groot.", "Gmail kapt haar af, met de links aan het eind.", "Blijf onder 100 kB."),
    "html-lang": Fault("De HTML zegt niet in welke taal zij is.", "Een schermlezer leest haar in de verkeerde taal voor.", "Schrijf <html lang=…>."),
    "html-alt": Fault("Een afbeelding heeft geen alt-tekst.", "Wie de afbeelding niet ziet, hoort de bestandsnaam.", "Geef elke afbeelding een alt, desnoods een lege."),
    "html-table-role": Fault("Een tabel voor de opmaak heeft geen role=presentation.", "Een schermlezer noemt rijen en kolommen van de opmaak.", "Schrijf role=\"presentation\"."),
    "html-color-scheme": Fault("De HTML zegt niet welke kleurenschema's zij kent.", "Donkere weergave draait de kleuren willekeurig om.", "Zet color-scheme in een meta-tag."),
    "html-stylesheet": Fault("De HTML verwijst naar een stylesheet.", "Gmail en Outlook laten gekoppelde stylesheets vallen.", "Schrijf de regels in style-attributen."),
}  # fmt: skip
"""By code. A test holds that it has the same codes as the English."""
