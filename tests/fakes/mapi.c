/* Simple MAPI as a mail program would bring it, for tests: writes down what it is given into FOLDER/record, one field a
 * line, texts in hexadecimal UTF-8, and does what files in FOLDER say:
 *
 *   login_code, send_code   return this number (once the file is there)
 *   unknown                 one name a line: recipients that the address book does not know (14)
 *   hang                    calls of MAPISendMail wait until it is gone
 *   hang_login              calls of MAPILogon do
 *
 * Built with -DFOLDER="…" and, for a library of Windows 8 and later, -DWIDE. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

typedef uint32_t ULONG;
typedef uintptr_t LHANDLE;

#define STRUCTURES(SUFFIX, TEXT)                                                                                        \
    typedef struct { ULONG reserved, recip_class; TEXT *name, *address; ULONG eid_size; void *entry_id; } Recip##SUFFIX; \
    typedef struct { ULONG reserved, flags, position; TEXT *path_name, *file_name; void *file_type; } File##SUFFIX;      \
    typedef struct {                                                                                                    \
        ULONG reserved;                                                                                                 \
        TEXT *subject, *note_text, *message_type, *date_received, *conversation_id;                                     \
        ULONG flags;                                                                                                    \
        Recip##SUFFIX *originator;                                                                                      \
        ULONG recip_count;                                                                                              \
        Recip##SUFFIX *recips;                                                                                          \
        ULONG file_count;                                                                                               \
        File##SUFFIX *files;                                                                                            \
    } Message##SUFFIX;

STRUCTURES(A, char)
STRUCTURES(W, wchar_t)

static int calls_under_way = 0;

static FILE *opened(const char *name, const char *mode) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", FOLDER, name);
    return fopen(path, mode);
}

static int there(const char *name) {
    FILE *file = opened(name, "r");
    if (file) fclose(file);
    return file != NULL;
}

static ULONG code_in(const char *name) {
    unsigned code = 0;
    FILE *file = opened(name, "r");
    if (file) {
        if (fscanf(file, "%u", &code) != 1) code = 0;
        fclose(file);
    }
    return code;
}

static void wait_while(const char *name) {
    while (there(name)) usleep(5000);
}

static int is_unknown(const char *name) {
    char line[1024];
    int found = 0;
    FILE *file = opened("unknown", "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (name && strcmp(line, name) == 0) found = 1;
    }
    if (file) fclose(file);
    return found;
}

static void put_bytes(FILE *record, const unsigned char *bytes, size_t size) {
    for (size_t at = 0; at < size; at++) fprintf(record, "%02x", bytes[at]);
    fputs("\n", record);
}

static void put(FILE *record, const char *field, const char *text) {
    fprintf(record, "%s ", field);
    put_bytes(record, (const unsigned char *)(text ? text : ""), text ? strlen(text) : 0);
}

#ifdef WIDE
static char *narrow(const wchar_t *text) {
    if (!text) return NULL;
    char *out = malloc(wcslen(text) * 4 + 1), *to = out;
    for (; *text; text++) {
        unsigned long c = (unsigned long)*text;
        if (c < 0x80) *to++ = (char)c;
        else if (c < 0x800) { *to++ = (char)(0xc0 | c >> 6); *to++ = (char)(0x80 | (c & 63)); }
        else if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12); *to++ = (char)(0x80 | (c >> 6 & 63)); *to++ = (char)(0x80 | (c & 63));
        } else {
            *to++ = (char)(0xf0 | c >> 18); *to++ = (char)(0x80 | (c >> 12 & 63));
            *to++ = (char)(0x80 | (c >> 6 & 63)); *to++ = (char)(0x80 | (c & 63));
        }
    }
    *to = 0;
    return out;
}
#endif

static void put_file(FILE *record, const char *path, const char *name) {
    unsigned char content[65536];
    put(record, "file", name);
    put(record, "path", path);
    FILE *file = fopen(path, "rb");
    fprintf(record, "content ");
    put_bytes(record, content, file ? fread(content, 1, sizeof content, file) : 0);
    if (file) fclose(file);
}

ULONG MAPILogon(uintptr_t window, char *profile, char *password, ULONG flags, ULONG reserved, LHANDLE *session) {
    FILE *record = opened("record", "a");
    fprintf(record, "logon %u\n", flags);
    put(record, "profile", profile);
    put(record, "password", password);
    fclose(record);
    wait_while("hang_login");
    ULONG code = code_in("login_code");
    if (code == 0) *session = 0x1234567;
    return window || reserved ? 99 : code;
}

ULONG MAPILogoff(LHANDLE session, uintptr_t window, ULONG flags, ULONG reserved) {
    FILE *record = opened("record", "a");
    fprintf(record, "logoff %lu\n", (unsigned long)session);
    fclose(record);
    return window || flags || reserved ? 99 : 0;
}

/* Both functions: SAME is what makes UTF-8 of a text. */
#define SEND(NAME, SUFFIX, SAME)                                                                                        \
    ULONG NAME(LHANDLE session, uintptr_t window, Message##SUFFIX *message, ULONG flags, ULONG reserved) {              \
        if (session != 0x1234567) return 19;                                                                            \
        if (window || reserved || message->reserved || message->originator) return 99;                                 \
        if (__sync_add_and_fetch(&calls_under_way, 1) != 1) return 98;                                                  \
        wait_while("hang");                                                                                             \
        __sync_sub_and_fetch(&calls_under_way, 1);                                                                      \
        for (ULONG n = 0; n < message->recip_count; n++)                                                                \
            if (is_unknown(SAME(message->recips[n].name))) return 14;                                                   \
        ULONG code = code_in("send_code");                                                                              \
        if (code) return code;                                                                                          \
        FILE *record = opened("record", "a");                                                                           \
        fprintf(record, "send %u\n", flags);                                                                            \
        put(record, "by", #NAME);                                                                                       \
        put(record, "subject", SAME(message->subject));                                                                 \
        put(record, "text", SAME(message->note_text));                                                                  \
        for (ULONG n = 0; n < message->recip_count; n++) {                                                              \
            fprintf(record, "class %u\n", message->recips[n].recip_class);                                              \
            put(record, "name", SAME(message->recips[n].name));                                                         \
            put(record, "address", SAME(message->recips[n].address));                                                   \
        }                                                                                                               \
        for (ULONG n = 0; n < message->file_count; n++)                                                                 \
            put_file(record, SAME(message->files[n].path_name), SAME(message->files[n].file_name));                     \
        fclose(record);                                                                                                 \
        return 0;                                                                                                       \
    }

#define AS_IT_IS(text) (text)
SEND(MAPISendMail, A, AS_IT_IS)
#ifdef WIDE
SEND(MAPISendMailW, W, narrow)
#endif
