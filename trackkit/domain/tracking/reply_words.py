"""The words by which mail programs mark quotes, by language. Adding a language is adding its rows.

A row is ``language: words``, the words divided by commas; some stand in several rows, which does no harm.
"""

from __future__ import annotations

from typing import Final


def _words(table: str) -> tuple[str, ...]:
    """The words of all rows, the longest first, each once."""
    found = {word.strip() for row in table.strip().splitlines() for word in row.partition(":")[2].split(",")}
    return tuple(sorted(found - {""}, key=lambda word: (-len(word), word)))


WROTE: Final = _words("""
    ar: كتب
    bg: написа
    ca: va escriure, ha escrit
    cs: napsal(a), napsal, napsala
    da: skrev, skrev følgende
    de: schrieb, schreibt, geschrieben
    el: έγραψε, έγραψαν
    en: wrote, writes, said
    es: escribió, escribio, escribe
    et: kirjutas
    eu: idatzi du
    fa: نوشت
    fi: kirjoitti
    fr: a écrit, a ecrit, écrit
    he: כתב, כתבה
    hr: je napisao, je napisala, je napisao/la
    hu: ezt írta, írta
    id: menulis
    is: skrifaði
    it: ha scritto, scritto, scrive
    ja: のメール, さんは書きました, は書きました
    ko: 님이 작성, 작성
    lt: rašė, parašė
    lv: rakstīja
    nl: schreef, geschreven, het volgende geschreven
    no: skrev
    pl: napisał(a), napisał, napisała, pisze
    pt: escreveu, escreve
    ro: a scris, scria
    ru: написал(а), написал, написала, пишет, писал, писала
    sk: napísal(a), napísal, napísala
    sl: je napisal, je napisala
    sv: skrev
    th: เขียนว่า, เขียน
    tr: yazdı, şunu yazdı, şunları yazdı
    uk: пише, написав, написала
    vi: đã viết, viết
    zh: 写道, 寫道
""")
"""Words for writing, as attributions have them."""

HEADERS: Final = _words("""
    ar: من, تاريخ, تم الإرسال, إلى, الموضوع
    cs: od, odesláno, datum, komu, kopie, předmět
    da: fra, sendt, dato, til, kopi, emne, svar til
    de: von, gesendet, datum, an, kopie, betreff, antwort an, wichtigkeit, anlagen
    el: από, στάλθηκε, ημερομηνία, προς, κοιν, θέμα
    en: from, sender, reply-to, sent, date, to, cc, bcc, subject, importance, attachments, priority, organization
    es: de, enviado, enviado el, fecha, para, con copia a, asunto, remitente, destinatario, responder a
    fi: lähettäjä, lähetetty, päivämäärä, päiväys, vastaanottaja, kopio, aihe
    fr: de, envoyé, date, à, copie à, objet, sujet, expéditeur, destinataire, répondre à
    he: מאת, נשלח, תאריך, אל, נושא
    hu: feladó, küldve, dátum, címzett, másolatot kap, tárgy
    it: da, inviato, data, a, oggetto, mittente, destinatario, risposta, rispondi a
    ja: 差出人, 送信者, 送信日時, 日時, 日付, 宛先, 件名
    ko: 보낸 사람, 보낸 날짜, 날짜, 받는 사람, 참조, 제목
    nl: van, verzonden, datum, aan, onderwerp, antwoord aan
    no: fra, sendt, dato, til, kopi, emne
    pl: od, wysłano, wysłane, data, do, dw, kopia, temat
    pt: de, enviado em, enviada em, data, para, assunto, destinatário
    ro: de la, trimis, data, către, subiect
    ru: от, от кого, отправлено, дата, кому, копия, тема
    sk: od, odoslané, dátum, komu, kópia, predmet
    sl: od, poslano, datum, za, zadeva
    sv: från, skickat, skickat den, datum, till, kopia, ämne, svar till
    tr: kimden, gönderen, gönderildi, gönderilme tarihi, tarih, kime, bilgi, konu
    uk: від, надіслано, дата, кому, копія, тема
    zh: 发件人, 发送时间, 发送日期, 日期, 收件人, 抄送, 主题
    zh-TW: 寄件者, 寄件人, 傳送時間, 寄件日期, 日期, 收件者, 收件人, 副本, 主題, 主旨
""")
"""Names of header fields, as programs write them into the text above what they quote."""

ORIGINAL: Final = _words("""
    ar: الرسالة الأصلية
    cs: původní zpráva, přeposlaná zpráva
    da: oprindelig meddelelse, original meddelelse, videresendt meddelelse, videresendt besked
    de: ursprüngliche nachricht, originalnachricht, original-nachricht, weitergeleitete nachricht, weitergeleitet
    el: αρχικό μήνυμα
    en: original message, original mail, original e-mail, forwarded message, forwarded mail, forwarded by, reply message
    es: mensaje original, mensaje reenviado, mensaje enviado
    fi: alkuperäinen viesti, välitetty viesti
    fr: message d'origine, message original, message transféré, courriel original
    he: הודעה מקורית
    hu: eredeti üzenet, továbbított üzenet
    it: messaggio originale, messaggio inoltrato
    ja: 元のメッセージ, 転送メッセージ
    ko: 원본 메시지, 전달된 메시지
    nl: oorspronkelijk bericht, origineel bericht, doorgestuurd bericht
    no: opprinnelig melding, videresendt melding
    pl: wiadomość oryginalna, oryginalna wiadomość, wiadomość przekazana, wiadomość przesłana dalej
    pt: mensagem original, mensagem encaminhada
    ro: mesaj original
    ru: исходное сообщение, пересылаемое сообщение, перенаправленное сообщение, пересланное сообщение
    sv: ursprungligt meddelande, originalmeddelande, vidarebefordrat meddelande
    tr: orijinal mesaj, özgün ileti, iletilmiş mesaj
    uk: оригінальне повідомлення, переслане повідомлення
    zh: 原始邮件, 原始郵件, 转发的邮件, 转发邮件, 轉寄郵件
""")
"""What stands between dashes above the message that is answered or forwarded."""

BEGIN: Final = _words("""
    da: start på videresendt besked
    de: anfang der weitergeleiteten nachricht
    en: begin forwarded message
    es: inicio del mensaje reenviado
    fr: début du message réexpédié, début du message transféré
    it: inizio messaggio inoltrato
    ja: 転送されたメッセージ
    nl: begin doorgestuurd bericht
    no: videresendt melding
    pl: początek przekazywanej wiadomości
    pt: início da mensagem encaminhada
    ru: начало переадресованного сообщения
    sv: vidarebefordrat brev
    zh: 下面是被转发的邮件
""")
"""How Apple's programs begin what they forward."""

SENT_FROM: Final = _words("""
    ar: أرسلت من
    cs: odesláno z, odesláno ze
    da: sendt fra
    de: gesendet von, gesendet mit, gesendet über, von mein, von unterwegs, diese nachricht wurde von mein
    el: στάλθηκε από
    en: sent from, sent via, sent by, sent with, sent using
    es: enviado desde, enviado a partir
    fi: lähetetty
    fr: envoyé de, envoyé depuis, envoyé à partir
    he: נשלח מ
    hu: elküldve, küldve
    it: inviato da
    nl: verzonden vanaf, verzonden met, verzonden via, verstuurd vanaf, verstuurd met
    no: sendt fra
    pl: wysłane z, wysłano z
    pt: enviado do, enviada do, enviado de
    ro: trimis de pe
    ru: отправлено с, отправлено из
    sk: odoslané z
    sv: skickat från
    uk: надіслано з, надіслано із
    zh: 从我的, 发自我的, 發自我的, 從我的
""")
"""How the marks of phones and programs begin."""

GET_OUTLOOK: Final = _words("""
    de: holen sie sich outlook für, laden sie outlook für
    en: get outlook for
    es: obtener outlook para, descargar outlook para
    fr: obtenir outlook pour, télécharger outlook pour
    it: scarica outlook per, ottieni outlook per
    nl: download outlook voor
    pl: pobierz aplikację outlook, pobierz outlook
    pt: obter o outlook para, baixar o outlook para
    ru: получить outlook для, скачать outlook для
    sv: skaffa outlook för, hämta outlook för
    zh: 获取 outlook, 取得 outlook
""")
"""How Outlook advertises itself; a link or an end of the line follows the device."""

QUOTING: Final = _words("""
    de: zitat von
    en: quoting, quote from
    es: citando a, citando
    fr: selon, en réponse à
    it: citando, citazione di
    pl: cytowanie
""")
"""How attributions of webmail begin that have no word for writing."""

SENT_FROM_LAST: Final = _words("""
    de: gesendet
    hu: elküldve
    ja: から送信
    ko: 에서 보냄
    tr: gönderildi
""")
"""How such marks end, where the verb comes last."""

DEVICES: Final = _words("""
    makers: apple, samsung, galaxy, huawei, xiaomi, redmi, oneplus, pixel, nokia, lumia, sony, xperia, htc, lenovo
    more of them: motorola, blackberry, fairphone, verizon, wireless
    things: iphone, ipad, ios, android, windows, smartphone, phone, mobil, handy, tablet, telefon, teléfono, device
    programs: outlook, yahoo, gmail, thunderbird, proton, airmail, mailbox, bluemail, k-9, newton, mail, app
    whose: my, mein, mon, mi, meu, minha, mijn, min, mio, mojego, моего, мого, 我的, 나의
""")
"""One of these has to stand in such a mark too, so that a sentence about something sent is none."""
