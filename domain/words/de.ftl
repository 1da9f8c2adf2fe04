### Die Worte des Produkts auf Deutsch. Dieselben Einträge mit denselben Platzhaltern wie in `en.ftl`; Kunden werden mit
### „Sie“ angesprochen, die eigenen Leute ebenso.

## Wovon eine Zusammenfassung handelt

subject-record = Datensatz { $reference }
subject-position = Der Datensatz an der Stelle „{ $position }“
subject-malformed = Der Inhalt der Quelle
subject-some-record = Ein Datensatz
subject-run = Der Lauf
subject-it = Der Datensatz
subject-test-record = Der Testdatensatz
position-line = Zeile { $number }
position-row = Zeile { $number }

## Was an eine Zusammenfassung angehängt wird

summary-more-fields = und { $count } weitere

## Was zu tun ist, um die Worte des Katalogs herum

action-retrying = Ein erneuter Versuch läuft.
action-resolved = Nichts zu tun: Der Datensatz ist angekommen.
action-skipped = Nichts zu tun: Es wurde entschieden, dies auszulassen.
action-superseded = Nichts zu tun: Ein späterer Lauf hat es erledigt.
action-ask-team = Bitten Sie einen Administrator oder ein Mitglied Ihres Teams darum: { $action }

## Felder, die nicht gezeigt werden

redaction-operator = Dies sieht nur der Betreiber.
redaction-technical-detail = Technische Einzelheiten sehen die Entwickler des Betreibers.
redaction-record-staff = Datensätze gehören dem Kunden. `revealRecord` zeigt einen davon für einige Minuten, mit Begründung, wenn der Kunde dem Support den Zugriff erlaubt.
redaction-record = Datensätze sehen Administratoren und Mitglieder sowie Schlüssel mit der Berechtigung `records:read`.
redaction-exchange = Was an fremde Systeme gesendet wurde und zurückkam, sehen die Entwickler des Betreibers.
redaction-exchange-body = Die Inhalte von Anfragen und Antworten können dem Kunden gehören. `revealRecord` zeigt sie zusammen mit dem Datensatz für einige Minuten, mit Begründung, wenn der Kunde dem Support den Zugriff erlaubt.
redaction-logs = Protokolle und Traces sehen die Entwickler des Betreibers.

## Gruppen von Fehlern

group-record = Ein Datensatz aus { $stream }
group-malformed = Der Inhalt der Quelle von { $stream }
group-run = Der Lauf beim Datenstrom { $stream }
group-field = { $summary } (Feld { $field }).
group-resolved = Nichts zu tun: Es ist vorbei.
group-ignored = Nichts zu tun: Es wurde entschieden, dies nicht weiter zu beachten.
group-with-us = Sie müssen nichts tun: Es liegt bei uns.
group-with-vendor = Sie müssen nichts tun: Es liegt beim Hersteller des anderen Systems.
group-with-you = Es liegt jetzt bei Ihnen: Was gebraucht wird, steht in der Notiz zur Übergabe.

## Störungen: ein fremdes System, das für viele ausfällt. $fault ist `unavailable` oder `rate-limited`.

incident-title = { $fault ->
    [rate-limited] Ein Dienst, den Ihre Integrationen nutzen, nimmt vorerst keine weiteren Anfragen an
   *[unavailable] Ein Dienst, den Ihre Integrationen nutzen, antwortet nicht
  }
incident-message = { $fault ->
    [rate-limited] Ein Dienst, den Ihre Integrationen nutzen, nimmt vorerst keine weiteren Anfragen an. Nichts geht verloren: Was darauf wartet, geht von selbst weiter.
   *[unavailable] Ein Dienst, den Ihre Integrationen nutzen, antwortet nicht. Nichts geht verloren: Was darauf wartet, geht von selbst weiter, sobald er wieder da ist.
  }
incident-news-title = Neues zu einem Dienst, den Ihre Integrationen nutzen
incident-over-title = Ein Dienst, den Ihre Integrationen nutzen, ist wieder da
incident-over = Der Dienst antwortet wieder. Was darauf gewartet hat, geht Schritt für Schritt von selbst weiter.
incident-detected = Wir haben gesehen, dass der Dienst gestört ist, und kümmern uns darum.
incident-status = { $status ->
    [INVESTIGATING] Wir gehen der Sache nach.
    [IDENTIFIED] Die Ursache ist bekannt.
    [MONITORING] Der Dienst antwortet wieder. Was gewartet hat, geht Schritt für Schritt weiter, und wir beobachten es.
   *[RESOLVED] Es ist vorbei.
  }
records-expiring-title = Datensätze von Fehlern werden gelöscht
records-expiring = { $count ->
    [one] Der Datensatz von { $count } erledigten Fehler wird
   *[other] Die Datensätze von { $count } erledigten Fehlern werden
  } ab dem { $date } (UTC) gelöscht, nach { $days ->
    [one] { $days } Tag
   *[other] { $days } Tagen
  } Aufbewahrung. Die Fehler selbst bleiben, solange Sie sie aufbewahren.
records-expiring-many = Die Datensätze von mehr als { $count } erledigten Fehlern werden ab dem { $date } (UTC) gelöscht, nach { $days ->
    [one] { $days } Tag
   *[other] { $days } Tagen
  } Aufbewahrung. Die Fehler selbst bleiben, solange Sie sie aufbewahren.
records-expiring-action = Exportieren Sie, was Sie behalten wollen: `createExport` von `failures`, die gelöst, ausgelassen oder überholt sind, mit `record`.
incident-wait = Von Ihnen wird nichts gebraucht: Warten Sie, bis der andere Dienst wieder da ist. Wir kümmern uns darum, und was wartet, geht von selbst weiter.
incident-wait-staff = Warten Sie, bis das andere System wieder da ist: Dies gehört zu einer Störung. Was wartet, geht dann von selbst weiter, und was sie beendet hat, wird erneut versucht.

## Vorgeschlagene Schritte: eine Beschriftung, und warum der Schritt hilft

do-reconnect = { $end ->
    [source] Quellsystem neu verbinden
    [destination] Zielsystem neu verbinden
   *[other] System neu verbinden
  }
do-reconnect-why = Geben Sie den Zugang noch einmal frei, oder hinterlegen Sie gültige Zugangsdaten. Was darauf gewartet hat, kann danach erneut versucht werden.
do-test-system = { $end ->
    [source] Quellsystem testen
    [destination] Zielsystem testen
   *[other] System testen
  }
do-test-system-why = Zeigt in wenigen Sekunden, ob das System antwortet und unsere Anmeldung annimmt.
do-change-system = { $end ->
    [source] Einstellungen des Quellsystems berichtigen
    [destination] Einstellungen des Zielsystems berichtigen
   *[other] Einstellungen des Systems berichtigen
  }
do-change-system-why = Die Adresse oder die Optionen sind nicht so, wie sie sein müssen.
do-change-integration = Optionen der Integration berichtigen
do-change-integration-why = Was sie nennen, muss auch vorhanden sein.
do-map-field = Zuordnung oder Regeln des Datenstroms ändern
do-map-field-why = Sobald die Integration zu Datensätzen wie diesem passt, bringt ein erneuter Versuch sie ans Ziel.
do-edit-and-retry = Datensatz bearbeiten und erneut versuchen
do-edit-and-retry-why = Berichtigen Sie, was oben genannt ist. Der Datensatz wird geprüft, bevor er noch einmal gesendet wird.
do-retry = Erneut versuchen
do-retry-why = Versucht es noch einmal mit dem, was gespeichert ist. Was schon angekommen ist, wird nicht doppelt geschrieben.
do-skip = Auslassen
do-skip-why = Beendet diesen Fehler, ohne den Datensatz zu übertragen. Spätere Fassungen des Datensatzes kommen weiterhin an.
do-correct-at-source = An der Quelle berichtigen
do-correct-at-source-why = Der nächste Lauf nimmt, was dann dort steht.
do-correct-at-destination = Am Ziel in Ordnung bringen
do-correct-at-destination-why = Was im Weg steht, liegt im Zielsystem selbst.
do-start-run = Lauf starten
do-start-run-why = Liest die Quelle jetzt, mit dem, was dort berichtigt wurde.
do-release-quarantine = Quarantäne freigeben
do-release-quarantine-why = Ihre Datensätze werden geschrieben, und die Integration läuft weiter.
do-discard-quarantine = Quarantäne verwerfen
do-discard-quarantine-why = Ihre Datensätze werden ausgelassen, und die Integration läuft weiter.
do-resume-integration = { $status ->
    [held] Integration weiterlaufen lassen
   *[paused] Integration fortsetzen
  }
do-resume-integration-why = { $status ->
    [held] Sie wurde angehalten, damit nichts Schlimmeres geschieht. Was gewartet hat, beginnt, sobald sie weiterläuft.
   *[paused] Sie ist pausiert. Was gewartet hat, beginnt, sobald sie weiterläuft.
  }
do-wait = Abwarten
do-wait-system-why = Das andere System arbeitet nicht, wie es soll. Es geht nichts verloren.
do-wait-until-why = Das andere System wird eine Weile in Ruhe gelassen und dann von selbst wieder angesprochen. Es geht nichts verloren.
do-wait-us-why = Es liegt bei uns. Sie müssen nichts tun.
do-wait-engineering-why = Es liegt bei der Entwicklung.
do-wait-retry-why = Ein erneuter Versuch läuft.
do-cancel-retry = Erneuten Versuch abbrechen
do-cancel-retry-why = Was erledigt ist, bleibt erledigt; das Übrige ist wieder offen.
do-ask-vendor = Beim Hersteller des Systems nachfragen
do-ask-vendor-why = Nur er kann dafür sorgen, dass es antwortet oder mehr Anfragen zulässt.
do-hand-over-us = An uns übergeben
do-hand-over-us-why = Wenn Sie es nicht selbst lösen können, machen wir weiter. Schreiben Sie dazu, was Sie darüber wissen.
do-hand-over-support = An den Support übergeben
do-hand-over-support-why = Es braucht jemanden, der mit dem Kunden spricht.
do-hand-over-engineering = An die Entwicklung übergeben
do-hand-over-engineering-why = Es braucht eine Änderung, die nur Entwickler vornehmen.

## Warum ein Schritt jetzt nicht möglich ist

not-for-suspended = Dieser Mandant ist gesperrt: Seine Benutzer können lesen, aber nichts ändern.
not-without-admin = Ein Administrator Ihres Teams kann das tun.
not-without-member = Ein Administrator oder Mitglied Ihres Teams kann das tun.
not-without-us = Das übernehmen wir.
not-without-scope = Diesem Schlüssel oder dieser Sitzung wurde das Recht dazu nicht gegeben; wer sie angelegt hat, kann es tun.
not-without-platform-admin = Plattformadministratoren können das tun.
not-without-engineer = Entwickler und Plattformadministratoren können das tun.
not-without-customer = Das kann nur der Kunde selbst tun.
not-when-archived = Die Integration ist archiviert und schreibt nichts mehr.
not-without-record = Es ist nichts gespeichert, was geschrieben werden könnte. Der nächste Lauf bringt den Datensatz, wenn er dann noch an der Quelle steht.
not-when-malformed = Was gelesen wurde, ist kein Datensatz. Erst eine Bearbeitung macht einen daraus.
not-when-range-outlived = Was noch einmal gelesen werden sollte, gehört nicht mehr zur Integration.
not-when-group-resolved = Die Gruppe dieses Fehlers ist erledigt. Öffnen Sie sie zuerst wieder.
not-while-quarantined = Zuerst ist über eine Quarantäne dieser Integration zu entscheiden.
not-without-credentials = Das System hat noch keine Zugangsdaten; hinterlegen Sie zuerst seine Client-Daten.
not-without-public-url = Diese Installation kann keine Links erzeugen, mit denen Systeme verbunden werden.

## Was ein erneuter Versuch täte, und warum

retry-whole = Es betrifft einen Lauf als Ganzes: Ein erneuter Versuch liest die Quelle noch einmal, und niemand weiß, was sie jetzt enthält.
retry-removal = An der Quelle ist der Datensatz nicht mehr da: Er wird am Ziel gelöscht oder gekennzeichnet, wie es der Datenstrom vorsieht.
retry-not-kept = Von ihm ist nichts gespeichert, was geschrieben werden könnte.
retry-no-help = Ein erneuter Versuch hilft hier nicht, nur eine Bearbeitung.
retry-left-out = Die Zuordnung lässt den Datensatz aus: Es wird nichts geschrieben, und der Fehler gilt als ausgelassen.
retry-new = Mit seinem Schlüssel wurde noch kein Datensatz geschrieben.
retry-refused = Das Ziel hat den Datensatz abgelehnt. Niemand kann sagen, ob es ihn jetzt annimmt.
retry-not-found = Der Datensatz wurde geschrieben, und ein Abgleich hat ihn am Ziel nicht gefunden.
retry-different = Der Datensatz würde ersetzen, was ein Abgleich an seiner Stelle am Ziel gefunden hat.
retry-in-doubt = Ein Schreibvorgang mit seinem Schlüssel wurde unterbrochen, und niemand weiß, was jetzt dort steht.
retry-same = Genau dies wurde schon geschrieben; es wird nichts noch einmal geschrieben.
retry-duplicate = Der Datensatz würde den anderen mit diesem Schlüssel ersetzen, den derselbe Lauf geschrieben hat.
retry-same-run = Derselbe Lauf hat mit seinem Schlüssel etwas anderes geschrieben, und niemand weiß, was neuer ist.
retry-of-retry = Ein erneuter Versuch hat mit seinem Schlüssel etwas anderes geschrieben, und niemand weiß, was neuer ist.
retry-newer = Ein späterer Lauf hat mit seinem Schlüssel etwas anderes geschrieben: Ein erneuter Versuch würde das Neuere mit dem Älteren überschreiben.
retry-older = Der Datensatz würde ändern, was ein früherer Lauf mit seinem Schlüssel geschrieben hat.
retry-under-way = Ein Lauf, der zur selben Zeit lief, hat mit seinem Schlüssel etwas anderes geschrieben, und niemand weiß, was neuer ist.
retry-forgotten = Mit seinem Schlüssel wurde etwas anderes geschrieben, und niemand weiß mehr, wann.
retry-archived = Die Integration ist archiviert und startet nichts mehr.
retry-no-stream = Die Integration hat seinen Datenstrom nicht mehr.

## Was eine Regel von einem Feld verlangt, wo die Regel allein es sagt

rule-required = ist erforderlich
rule-additionalProperties = ist kein erwartetes Feld
rule-type = muss { $expected ->
    [array] eine Liste
    [boolean] wahr oder falsch (true oder false)
    [integer] eine ganze Zahl
    [null] leer (null)
    [number] eine Zahl
    [object] ein Objekt mit Feldern
   *[string] Text
  } sein
rule-format = muss { $expected ->
    [email] eine E-Mail-Adresse
    [date-time] ein Zeitpunkt wie 2026-01-31T12:00:00Z
    [date] ein Datum wie 2026-01-31
    [time] eine Uhrzeit mit Zeitverschiebung wie 12:00:00Z
    [duration] eine Dauer wie P3D oder PT2H
    [uri] eine vollständige URL
    [uri-reference] eine URL
    [hostname] ein Hostname
    [ipv4] eine IPv4-Adresse
    [ipv6] eine IPv6-Adresse
    [uuid] eine UUID
    [regex] ein regulärer Ausdruck
   *[json-pointer] ein JSON Pointer
  } sein
rule-pattern = muss dem Muster { $limit } entsprechen
rule-minimum = muss mindestens { $limit } sein
rule-maximum = darf höchstens { $limit } sein
rule-exclusiveMinimum = muss größer als { $limit } sein
rule-exclusiveMaximum = muss kleiner als { $limit } sein
rule-multipleOf = muss ein Vielfaches von { $limit } sein
rule-enum = muss einer dieser Werte sein: { $limit }
rule-enum-more = muss einer dieser Werte sein: { $limit } und { $count } weitere
rule-const = muss { $limit } sein
rule-minLength = muss mindestens { $count ->
    [one] ein Zeichen
   *[other] { $count } Zeichen
  } lang sein
rule-maxLength = darf höchstens { $count ->
    [one] ein Zeichen
   *[other] { $count } Zeichen
  } lang sein
rule-minItems = muss mindestens { $count ->
    [one] einen Eintrag
   *[other] { $count } Einträge
  } haben
rule-maxItems = darf höchstens { $count ->
    [one] einen Eintrag
   *[other] { $count } Einträge
  } haben
rule-uniqueItems = darf denselben Eintrag nicht zweimal haben

## Der Fehlerkatalog

record-schema_violation = { $subject } erfüllt die Regeln für diese Daten nicht.
record-schema_violation-customer = Bearbeiten Sie den Datensatz hier und versuchen Sie es erneut, oder berichtigen Sie ihn an der Quelle; der nächste Lauf übernimmt ihn von dort.
record-schema_violation-support = Helfen Sie dem Kunden, die hier genannten Felder zu berichtigen.
record-schema_violation-engineer = Wenn die Regel falsch ist, ändern Sie das Datensatzschema des Datenstroms; andernfalls berichtigt der Kunde die Daten.

record-mapping_failed = { $subject } konnte nicht für das Ziel umgewandelt werden.
record-mapping_failed-customer = Sie müssen nichts tun: Wir kümmern uns darum. Wenn ein Wert im Datensatz falsch ist, können Sie ihn bearbeiten und es erneut versuchen.
record-mapping_failed-support = Es braucht einen Entwickler: Die Zuordnung des Datenstroms deckt diesen Datensatz nicht ab.
record-mapping_failed-engineer = Ändern Sie die Zuordnung des Datenstroms so, dass sie diesen Datensatz abdeckt, und versuchen Sie es dann erneut.

record-duplicate_key = { $subject } hat denselben Schlüssel wie ein anderer Datensatz der Quelle; der erste wurde verwendet.
record-duplicate_key-customer = Geben Sie einem der beiden einen eigenen Schlüssel, hier oder an der Quelle, und versuchen Sie es erneut; oder lassen Sie diesen aus.
record-duplicate_key-support = Helfen Sie dem Kunden, die beiden Datensätze der Quelle mit diesem Schlüssel zu finden.
record-duplicate_key-engineer = Wenn beide Datensätze richtig sind, braucht der Datenstrom ein weiteres Schlüsselfeld.

record-duplicate_across_slices = { $subject } hat denselben Schlüssel wie ein anderer Datensatz der Quelle, der gleichzeitig gelesen wurde; einer der beiden steht am Ziel.
record-duplicate_across_slices-customer = Geben Sie einem der beiden an der Quelle einen eigenen Schlüssel, oder entfernen Sie ihn dort. Der nächste Lauf schreibt, was dann dort steht.
record-duplicate_across_slices-support = Helfen Sie dem Kunden, die beiden Datensätze der Quelle mit diesem Schlüssel zu finden.
record-duplicate_across_slices-engineer = Wenn beide Datensätze richtig sind, braucht der Datenstrom ein weiteres Schlüsselfeld. Mit `slices` 1 wird der erste verwendet, wie in jedem ungeteilten Lauf.

record-missing_key = { $subject } hat keinen Wert in dem Feld, das ihn kennzeichnet.
record-missing_key-customer = Füllen Sie das Schlüsselfeld aus, hier oder an der Quelle, und versuchen Sie es erneut.
record-missing_key-support = Helfen Sie dem Kunden, das Schlüsselfeld auszufüllen.
record-missing_key-engineer = Wenn das Feld leer sein darf, braucht der Datenstrom ein anderes Schlüsselfeld.

record-unusable_key = { $subject } hat einen Wert, der ihn nicht kennzeichnen kann.
record-unusable_key-customer = Berichtigen Sie das Schlüsselfeld, hier oder an der Quelle, und versuchen Sie es erneut.
record-unusable_key-support = Helfen Sie dem Kunden, das Schlüsselfeld zu berichtigen.
record-unusable_key-engineer = Wenn die Werte der Quelle richtig sind, braucht der Datenstrom ein anderes Schlüsselfeld.

record-duplicate_value = { $subject } hat einen Wert, den schon ein anderer Datensatz der Quelle hat, obwohl er nur einmal vorkommen darf; der erste wurde verwendet.
record-duplicate_value-customer = Geben Sie einem der beiden einen eigenen Wert, hier oder an der Quelle, und versuchen Sie es erneut; oder lassen Sie diesen aus.
record-duplicate_value-support = Helfen Sie dem Kunden, die beiden Datensätze der Quelle mit diesem Wert zu finden.
record-duplicate_value-engineer = Wenn mehrere Datensätze ihn haben dürfen, nehmen Sie die Felder aus der Eindeutigkeit in der Qualität des Datenstroms heraus.

record-missing_reference = { $subject } verweist auf etwas, das nicht angekommen ist.
record-missing_reference-customer = Versuchen Sie es erneut, sobald das angekommen ist, worauf er verweist; oder berichtigen Sie den Verweis, hier oder an der Quelle.
record-missing_reference-support = Helfen Sie dem Kunden herauszufinden, ob der Verweis falsch ist oder ob fehlt, worauf er zeigt.
record-missing_reference-engineer = Der Datenstrom, auf den verwiesen wird, muss in der Integration vor diesem stehen und Belege für das haben, was gemeint ist.

record-quarantined = { $subject } steht unter Quarantäne, weil zu vieles andere in diesen Daten falsch aussah.
record-quarantined-customer = Sehen Sie sich die Quarantäne der Integration an: Geben Sie sie frei, dann werden ihre Datensätze geschrieben; oder verwerfen Sie sie, dann werden sie ausgelassen.
record-quarantined-support = Helfen Sie dem Kunden zu entscheiden, ob die Quarantäne freigegeben oder verworfen wird.
record-quarantined-engineer = Wenn die Grenzen der Qualitätsprüfung des Datenstroms falsch sind, ändern Sie sie; über die Quarantäne entscheidet der Kunde.

source-malformed = { $subject } ist nicht das, was die Integration erwartet
source-malformed-customer = Berichtigen Sie die Datei oder die Daten an der Quelle und starten Sie einen neuen Lauf.
source-malformed-support = Helfen Sie dem Kunden, die Daten in der vereinbarten Form bereitzustellen.
source-malformed-engineer = Vergleichen Sie die Quelle mit den Optionen des Datenstroms; die technischen Einzelheiten nennen die Stelle.

source-unauthorized = { $subject } konnte nicht lesen: Das Quellsystem lehnt die Anmeldung ab.
source-unauthorized-customer = Erneuern Sie die Anmeldung am Quellsystem, oder verbinden Sie es neu, und versuchen Sie es dann erneut.
source-unauthorized-support = Bitten Sie den Kunden, die Anmeldung am Quellsystem zu erneuern oder es neu zu verbinden.
source-unauthorized-engineer = Klären Sie mit dem Kunden, welche Zugangsdaten und Rechte das Quellsystem braucht.

destination-unauthorized = { $subject } konnte nicht schreiben: Das Zielsystem lehnt die Anmeldung ab.
destination-unauthorized-customer = Erneuern Sie die Anmeldung am Zielsystem, oder verbinden Sie es neu, und versuchen Sie es dann erneut.
destination-unauthorized-support = Bitten Sie den Kunden, die Anmeldung am Zielsystem zu erneuern oder es neu zu verbinden.
destination-unauthorized-engineer = Klären Sie mit dem Kunden, welche Zugangsdaten und Rechte das Zielsystem braucht.

source-not_found = { $subject } konnte nicht lesen: Die Tabelle, die Datei oder das Objekt ist nicht da.
source-not_found-customer = Stellen Sie die Tabelle, die Datei oder das Objekt an der Quelle wieder her, oder ändern Sie die Integration, und versuchen Sie es dann erneut.
source-not_found-support = Fragen Sie den Kunden, was aus der Quelle geworden ist.
source-not_found-engineer = Vergleichen Sie die Quelloptionen des Datenstroms mit dem, was vorhanden ist.

destination-not_found = { $subject } konnte nicht schreiben: Die Tabelle, die Datei oder das Objekt ist nicht da.
destination-not_found-customer = Stellen Sie die Tabelle, die Datei oder das Objekt am Ziel wieder her, oder ändern Sie die Integration, und versuchen Sie es dann erneut.
destination-not_found-support = Fragen Sie den Kunden, was aus dem Ziel geworden ist.
destination-not_found-engineer = Vergleichen Sie die Zieloptionen des Datenstroms mit dem, was vorhanden ist.

destination-rejected = { $subject } wurde vom Zielsystem abgelehnt.
destination-rejected-customer = Bearbeiten Sie den Datensatz hier und versuchen Sie es erneut, oder berichtigen Sie ihn an der Quelle.
destination-rejected-support = Helfen Sie dem Kunden, die hier genannten Felder zu berichtigen.
destination-rejected-engineer = Lesen Sie in den technischen Einzelheiten die eigene Begründung des anderen Systems; ändern Sie die Zuordnung, wenn es an ihr liegt.

destination-conflict = { $subject } wurde im Zielsystem von jemand anderem geändert.
destination-conflict-customer = Unser Support sieht es sich an; Sie können den Datensatz inzwischen auf beiden Seiten vergleichen.
destination-conflict-support = Klären Sie mit dem Kunden, welche Seite richtig ist, und versuchen Sie es dann erneut oder lassen Sie den Datensatz aus.
destination-conflict-engineer = Wenn dies oft geschieht, muss für jedes Feld feststehen, welche der beiden Seiten es bestimmt.

destination-removal_refused = { $subject } ist an der Quelle nicht mehr da, und das Zielsystem hat abgelehnt, dass er auch dort verschwindet.
destination-removal_refused-customer = Entfernen Sie ihn am Ziel, oder das, was dort auf ihn verweist; der nächste Lauf versucht es von selbst noch einmal.
destination-removal_refused-support = Helfen Sie dem Kunden zu finden, was am Ziel auf den Datensatz verweist.
destination-removal_refused-engineer = Lesen Sie die technischen Einzelheiten; wo absichtlich auf Datensätze verwiesen wird, kennzeichnen Sie, was nicht mehr da ist, statt es zu löschen.

source-rate_limited = { $subject } wurde vom Quellsystem gebremst.
source-rate_limited-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
source-rate_limited-support = Versuchen Sie es später erneut; wenn es anhält, bitten Sie den Hersteller des Quellsystems um eine höhere Grenze.
source-rate_limited-engineer = Senken Sie die Rate in den Optionen des Quellsystems, wenn es anhält.

destination-rate_limited = { $subject } wurde vom Zielsystem gebremst.
destination-rate_limited-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
destination-rate_limited-support = Versuchen Sie es später erneut; wenn es anhält, bitten Sie den Hersteller des Zielsystems um eine höhere Grenze.
destination-rate_limited-engineer = Senken Sie die Rate in den Optionen des Zielsystems, wenn es anhält.

source-unavailable = { $subject } konnte nicht lesen: Das Quellsystem ist ausgefallen oder nicht erreichbar.
source-unavailable-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
source-unavailable-support = Fragen Sie den Kunden, ob der Ausfall des Quellsystems bekannt ist; versuchen Sie es erneut, wenn es wieder läuft.
source-unavailable-engineer = Die technischen Einzelheiten sagen, woran es lag; versuchen Sie es erneut, wenn das Quellsystem wieder läuft.

destination-unavailable = { $subject } konnte nicht schreiben: Das Zielsystem ist ausgefallen oder nicht erreichbar.
destination-unavailable-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
destination-unavailable-support = Fragen Sie den Kunden, ob der Ausfall des Zielsystems bekannt ist; versuchen Sie es erneut, wenn es wieder läuft.
destination-unavailable-engineer = Die technischen Einzelheiten sagen, woran es lag; versuchen Sie es erneut, wenn das Zielsystem wieder läuft.

source-timeout = { $subject } konnte nicht lesen: Das Quellsystem hat zu lange für seine Antwort gebraucht.
source-timeout-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
source-timeout-support = Versuchen Sie es später erneut; wenn es anhält, sagen Sie es dem Hersteller des Quellsystems.
source-timeout-engineer = Kleinere Seiten oder ein längeres Zeitlimit helfen, wenn es anhält.

destination-timeout = { $subject } konnte nicht schreiben: Das Zielsystem hat zu lange für seine Antwort gebraucht.
destination-timeout-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
destination-timeout-support = Versuchen Sie es später erneut; wenn es anhält, sagen Sie es dem Hersteller des Zielsystems.
destination-timeout-engineer = Ein längeres Zeitlimit hilft, wenn es anhält.

source-stalled = { $subject } wurde abgebrochen: Das Quellsystem hat zu lange nichts gesendet.
source-stalled-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
source-stalled-support = Fragen Sie den Kunden, ob das Quellsystem hängt; versuchen Sie es erneut, wenn es wieder antwortet.
source-stalled-engineer = Die technischen Einzelheiten sagen, seit wann. Wenn die Quelle länger für eine Seite braucht, erhöhen Sie progressTimeoutSeconds der Integration.

destination-stalled = { $subject } wurde abgebrochen: Das Zielsystem hat zu lange nicht geantwortet.
destination-stalled-customer = Sie müssen jetzt nichts tun: Es kann erneut versucht werden, sobald das andere System wieder arbeitet.
destination-stalled-support = Fragen Sie den Kunden, ob das Zielsystem hängt; versuchen Sie es erneut, wenn es wieder antwortet.
destination-stalled-engineer = Die technischen Einzelheiten sagen, seit wann. Wenn das Ziel länger für einen Stapel braucht, erhöhen Sie progressTimeoutSeconds der Integration.

source-forbidden = { $subject } konnte nicht lesen: Integrationen dürfen die Adresse der Quelle nicht erreichen.
source-forbidden-customer = Prüfen Sie die Adresse des Quellsystems; wenn sie stimmt, bitten Sie unseren Support, sie zuzulassen.
source-forbidden-support = Wenn die Adresse zu Recht dort steht, bitten Sie den Plattformadministrator, ihr Netz zuzulassen.
source-forbidden-engineer = Nehmen Sie das Netz in TRESTLE_EGRESS_ALLOW auf, wenn es erreicht werden soll.

destination-forbidden = { $subject } konnte nicht schreiben: Integrationen dürfen die Adresse des Ziels nicht erreichen.
destination-forbidden-customer = Prüfen Sie die Adresse des Zielsystems; wenn sie stimmt, bitten Sie unseren Support, sie zuzulassen.
destination-forbidden-support = Wenn die Adresse zu Recht dort steht, bitten Sie den Plattformadministrator, ihr Netz zuzulassen.
destination-forbidden-engineer = Nehmen Sie das Netz in TRESTLE_EGRESS_ALLOW auf, wenn es erreicht werden soll.

source-misconfigured = { $subject } konnte nicht lesen: Die Optionen der Integration passen nicht zum Quellsystem
source-misconfigured-customer = Berichtigen Sie die Quelloptionen der Integration, wenn Sie sie verwalten; unser Support hilft Ihnen.
source-misconfigured-support = Berichtigen Sie die Quelloptionen gemeinsam mit dem Kunden, und versuchen Sie es dann erneut.
source-misconfigured-engineer = Lesen Sie die technischen Einzelheiten, und berichtigen Sie die Quelloptionen des Datenstroms.

destination-misconfigured = { $subject } konnte nicht schreiben: Die Optionen der Integration passen nicht zum Zielsystem
destination-misconfigured-customer = Berichtigen Sie die Zieloptionen der Integration, wenn Sie sie verwalten; unser Support hilft Ihnen.
destination-misconfigured-support = Berichtigen Sie die Zieloptionen gemeinsam mit dem Kunden, und versuchen Sie es dann erneut.
destination-misconfigured-engineer = Lesen Sie die technischen Einzelheiten, und berichtigen Sie die Zieloptionen des Datenstroms.

destination-malformed = { $subject } bekam vom Zielsystem eine Antwort, die wir nicht verstehen
destination-malformed-customer = Prüfen Sie die Adresse des Zielsystems; unser Support hilft Ihnen.
destination-malformed-support = Prüfen Sie mit dem Kunden, ob die Adresse des Ziels die richtige ist.
destination-malformed-engineer = Die technischen Einzelheiten enthalten, was es geantwortet hat.

reconciliation-missing = { $subject } wurde geliefert, ist aber nicht am Ziel.
reconciliation-missing-customer = Versuchen Sie es erneut, um ihn wieder dorthin zu bringen, oder lassen Sie ihn aus, wenn ihn jemand absichtlich entfernt hat.
reconciliation-missing-support = Fragen Sie den Kunden, wer am Ziel Datensätze entfernt; ein erneuter Versuch bringt sie zurück.
reconciliation-missing-engineer = Jemand anderes schreibt in das Ziel, oder es wurde aus einer Kopie wiederhergestellt; ein erneuter Versuch bringt den Datensatz zurück.

reconciliation-different = { $subject } wurde geliefert, hat am Ziel aber einen anderen Inhalt.
reconciliation-different-customer = Versuchen Sie es erneut, um den Inhalt der Quelle wieder dorthin zu bringen, oder lassen Sie ihn aus, wenn er absichtlich geändert wurde.
reconciliation-different-support = Fragen Sie den Kunden, wer am Ziel Datensätze ändert; ein erneuter Versuch bringt den Inhalt der Quelle dorthin.
reconciliation-different-engineer = Jemand anderes schreibt in das Ziel, oder seine Trigger ändern, was geschrieben wird; ein erneuter Versuch schreibt den Datensatz noch einmal.

reconciliation-extra = { $subject } ist an der Quelle nicht mehr da, steht aber noch am Ziel.
reconciliation-extra-customer = Versuchen Sie es erneut, damit er dort gelöscht oder gekennzeichnet wird, wie es `deletions` des Datenstroms sagen, oder lassen Sie ihn aus, damit er bleibt, wie er ist.
reconciliation-extra-support = Fragen Sie den Kunden, ob er an der Quelle absichtlich entfernt wurde; ein erneuter Versuch entfernt ihn auch am Ziel.
reconciliation-extra-engineer = Ein Datenstrom mit INCREMENTAL sieht nicht, was an seiner Quelle gelöscht wird; ein erneuter Versuch entfernt genau diese Schlüssel.

synthetic-left_out = { $subject } wurde von der Umwandlung ausgelassen und beweist deshalb nichts.
synthetic-left_out-customer = Geben Sie dem Probelauf einen Datensatz, den die Umwandlung nicht auslässt.
synthetic-left_out-support = Geben Sie dem Probelauf mit dem Kunden einen Datensatz, den die Umwandlung nicht auslässt.
synthetic-left_out-engineer = Die Umwandlung des Datenstroms sagt `abort` zum Datensatz des Probelaufs.

synthetic-unmarked = { $subject } verlor in der Umwandlung sein Kennzeichen und wurde nicht geschrieben: Er hätte einen echten ersetzen können.
synthetic-unmarked-customer = Lassen Sie die Umwandlung den Schlüssel des Ziels aus dem Schlüssel des Datensatzes bilden.
synthetic-unmarked-support = Bitten Sie den Kunden, die Umwandlung den Schlüssel des Ziels aus dem Schlüssel des Datensatzes bilden zu lassen.
synthetic-unmarked-engineer = Nach der Umwandlung hat keines der Schlüsselfelder des Ziels das Kennzeichen; sehen Sie nach, was sie mit ihnen macht.

synthetic-missing = { $subject } wurde vom Ziel angenommen, ist aber nicht dort.
synthetic-missing-customer = Sehen Sie am Ziel nach, wer oder was neue Datensätze entfernt.
synthetic-missing-support = Fragen Sie den Kunden, wer oder was am Ziel neue Datensätze entfernt.
synthetic-missing-engineer = Das Ziel hat das Schreiben bestätigt, und eine neue Verbindung findet den Schlüssel nicht: ein Trigger, eine Regel für Zeilen oder eine Kopie, die hinterherläuft.

synthetic-different = { $subject } wurde vom Ziel angenommen, hat dort aber einen anderen Inhalt.
synthetic-different-customer = Sehen Sie am Ziel nach, wer oder was neue Datensätze ändert.
synthetic-different-support = Fragen Sie den Kunden, wer oder was am Ziel neue Datensätze ändert.
synthetic-different-engineer = Ein Trigger oder der Typ einer Spalte ändert, was geschrieben wird; ein Vergleich echter Datensätze findet dasselbe.

synthetic-left_behind = { $subject } kam an und ließ sich nicht wieder entfernen.
synthetic-left_behind-customer = Es eilt nicht: Er wird entfernt, bevor der nächste gesendet wird. Bleibt er, sehen Sie am Ziel nach, was ihn festhält.
synthetic-left_behind-support = Der nächste Probelauf entfernt ihn zuerst. Bleibt er, sehen Sie mit dem Kunden nach, was ihn am Ziel festhält.
synthetic-left_behind-engineer = Das Ziel hat bestätigt, dass es den Schlüssel entfernt hat, und hat ihn noch: ein weiches Löschen oder ein Trigger, der ihn zurückbringt.

platform-worker_lost = { $subject } wurde durch einen Fehler auf unserer Seite unterbrochen; es ist nichts verloren.
platform-worker_lost-customer = Sie müssen nichts tun; es kann jederzeit erneut versucht werden.
platform-worker_lost-support = Versuchen Sie es erneut; übergeben Sie an die Entwicklung, wenn es wieder geschieht.
platform-worker_lost-engineer = Bei diesem Lauf sind öfter Worker ausgefallen, als er versucht werden darf: Suchen Sie, was sie beendet, und versuchen Sie es dann erneut.

platform-storage = { $subject } wurde durch eine Störung unserer Speicherung unterbrochen; es ist nichts verloren.
platform-storage-customer = Sie müssen nichts tun; es kann jederzeit erneut versucht werden.
platform-storage-support = Versuchen Sie es erneut; übergeben Sie an die Entwicklung, wenn es wieder geschieht.
platform-storage-engineer = Prüfen Sie Zustand und Platz der Datenbank, und versuchen Sie es dann erneut.

platform-stalled = { $subject } wurde abgebrochen, weil es auf unserer Seite zu lange nicht voranging; es ist nichts verloren.
platform-stalled-customer = Sie müssen nichts tun; es kann jederzeit erneut versucht werden.
platform-stalled-support = Versuchen Sie es erneut; übergeben Sie an die Entwicklung, wenn es wieder geschieht.
platform-stalled-engineer = Die technischen Einzelheiten sagen, worauf gewartet wurde und seit wann: auf die Zuordnung eines Datensatzes oder auf unsere Datenbank.

platform-internal = { $subject } ist auf einen Fehler auf unserer Seite gestoßen.
platform-internal-customer = Sie müssen nichts tun: Wir kümmern uns darum.
platform-internal-support = Es braucht einen Entwickler; geben Sie ihm die Kennung dieses Fehlers.
platform-internal-engineer = Lesen Sie die technischen Einzelheiten und die Ereignisse des Laufs; versuchen Sie es erneut, wenn der Fehler behoben ist.
