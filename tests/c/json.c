/*
 * Reads and writes JSON as a program without a JSON library does.
 *
 *     json
 */
#include <limits.h>
#include <stdint.h>

#include "check.h"

#define FIELD 40

static const char *OUTCOME = "{\"state\":\"resolved\",\"httpStatus\":200,\"slots\":[{\"utcTime\":\"2030-12-01T10:00:00.000Z\","
                             "\"capacity\":5},{\"utcTime\":\"2030-12-01T10:05:00.000Z\",\"capacity\":1.50}],\"id\":null,"
                             "\"who\":\"\\u00c4nne \\\"A\\\"\",\"nul\":\"a\\u0000b\",\"half\":\"\\ud83d\"}";

static int is_filled(const char *buffer, size_t size, char byte)
{
    while (size-- > 0)
        if (buffer[size] != byte)
            return 0;
    return 1;
}

static void get_values(void)
{
    char *value = (char *)"unchanged";

    CHECK(cbsvc_json_get(OUTCOME, "/slots/01/utcTime", &value) == CBSVC_OK);
    CHECK(strcmp(value, "2030-12-01T10:05:00.000Z") == 0);
    cbsvc_string_free(value);
    CHECK(cbsvc_json_get(OUTCOME, "/slots/1/capacity", &value) == CBSVC_OK && strcmp(value, "1.50") == 0);
    cbsvc_string_free(value);
    CHECK(cbsvc_json_get(OUTCOME, "/who", &value) == CBSVC_OK && strcmp(value, "\xc3\x84nne \"A\"") == 0);
    cbsvc_string_free(value);
    CHECK(cbsvc_json_get(OUTCOME, "/half", &value) == CBSVC_OK && strcmp(value, "\xef\xbf\xbd") == 0);
    cbsvc_string_free(value);
    CHECK(cbsvc_json_get("{\"a\":[1, {}]}", "/a", &value) == CBSVC_OK && strcmp(value, "[1, {}]") == 0);
    cbsvc_string_free(value);
    CHECK(cbsvc_json_get(OUTCOME, "/state", NULL) == CBSVC_OK);
}

/* Each failure, and that it leaves no value. */
static void refuse_values(void)
{
    static const struct {
        const char *json, *pointer;
        cbsvc_status status;
    } cases[] = {
        {NULL, "/a", CBSVC_NULL_ARGUMENT},       {"{}", NULL, CBSVC_NULL_ARGUMENT},
        {"{}", "a", CBSVC_BAD_OPTION},           {"{}", "/~2", CBSVC_BAD_OPTION},
        {"{}", "/\xff", CBSVC_NOT_UTF8},         {"{\"a\":\"\xff\"}", "/a", CBSVC_NOT_UTF8},
        {"x", "/a", CBSVC_NOT_JSON},             {"{\"a\":1", "/a", CBSVC_NOT_JSON},
        {"", "/a", CBSVC_NO_SUCH},               {"{}", "/a", CBSVC_NO_SUCH},
        {"{\"a\":null}", "/a", CBSVC_NO_SUCH},   {"{\"a\":1}", "/a ", CBSVC_NO_SUCH},
        {"{\"a\":\"\\u0000\"}", "/a", CBSVC_BAD_OPTION},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *value = (char *)"unchanged";
        char buffer[FIELD];
        int32_t needed = 7;
        uint32_t count = 7;
        CHECK(cbsvc_json_get(cases[i].json, cases[i].pointer, &value) == cases[i].status && value == NULL);
        memset(buffer, 'x', sizeof buffer);
        CHECK(cbsvc_json_read(cases[i].json, cases[i].pointer, buffer, FIELD, &needed) == cases[i].status);
        CHECK(buffer[0] == '\0' && is_filled(buffer + 1, FIELD - 1, 'x') && needed == 0);
        memset(buffer, 'x', sizeof buffer);
        CHECK(cbsvc_json_read(cases[i].json, cases[i].pointer, buffer, -10, NULL) == cases[i].status);
        CHECK(is_filled(buffer, 10, ' ') && is_filled(buffer + 10, FIELD - 10, 'x'));
        CHECK(cbsvc_json_read(cases[i].json, cases[i].pointer, NULL, 0, &needed) == cases[i].status);
        if (strchr("{", cases[i].json == NULL ? 'x' : cases[i].json[0]) == NULL || cases[i].status == CBSVC_NO_SUCH)
            CHECK(cbsvc_json_count(cases[i].json, cases[i].pointer, &count) == cases[i].status && count == 0);
    }
}

static void read_into_buffers(void)
{
    char buffer[FIELD];
    int32_t needed = -1;

    /* 24 bytes and a NUL. */
    CHECK(cbsvc_json_read(OUTCOME, "/slots/0/utcTime", NULL, 0, &needed) == CBSVC_OK && needed == 25);
    memset(buffer, 'x', sizeof buffer);
    CHECK(cbsvc_json_read(OUTCOME, "/slots/0/utcTime", buffer, 25, &needed) == CBSVC_OK && needed == 25);
    CHECK(strcmp(buffer, "2030-12-01T10:00:00.000Z") == 0 && is_filled(buffer + 25, FIELD - 25, 'x'));
    needed = -1;
    CHECK(cbsvc_json_read(OUTCOME, "/slots/0/utcTime", buffer, 24, &needed) == CBSVC_BUFFER_TOO_SMALL && needed == 25);
    CHECK(buffer[0] == '\0' && buffer[1] == '0');
    CHECK(cbsvc_json_read(OUTCOME, "/slots/0/utcTime", buffer, 1, NULL) == CBSVC_BUFFER_TOO_SMALL && buffer[0] == '\0');
    CHECK(cbsvc_json_read(OUTCOME, "/state", NULL, 5, &needed) == CBSVC_NULL_ARGUMENT && needed == 0);
    CHECK(cbsvc_json_read(OUTCOME, "/state", NULL, INT32_MIN, NULL) == CBSVC_NULL_ARGUMENT);
    CHECK(cbsvc_json_read("{\"a\":\"\"}", "/a", buffer, 1, &needed) == CBSVC_OK && needed == 1 && buffer[0] == '\0');
}

static void read_into_fields(void)
{
    char buffer[FIELD];
    int32_t needed = -1;

    memset(buffer, 'x', sizeof buffer);
    CHECK(cbsvc_json_read(OUTCOME, "/slots/0/utcTime", buffer, -24, &needed) == CBSVC_OK && needed == 24);
    CHECK(memcmp(buffer, "2030-12-01T10:00:00.000Zx", 25) == 0);
    CHECK(cbsvc_json_read(OUTCOME, "/httpStatus", buffer, -24, &needed) == CBSVC_OK && needed == 3);
    CHECK(memcmp(buffer, "200", 3) == 0 && is_filled(buffer + 3, 21, ' ') && buffer[24] == 'x');
    CHECK(cbsvc_json_read(OUTCOME, "/slots/0/utcTime", buffer, -23, &needed) == CBSVC_BUFFER_TOO_SMALL && needed == 24);
    CHECK(is_filled(buffer, 23, ' '));
    CHECK(cbsvc_json_read("{\"a\":\"\"}", "/a", buffer, -1, &needed) == CBSVC_OK && needed == 0 && buffer[0] == ' ');
}

/* A field as long as a size can say. */
static void read_into_the_longest_field(void)
{
    size_t length = (size_t)INT32_MAX + 1;
    char *field = malloc(length);

    if (field == NULL)
        return;
    CHECK(cbsvc_json_read(OUTCOME, "/state", field, INT32_MIN, NULL) == CBSVC_OK);
    CHECK(memcmp(field, "resolved  ", 10) == 0 && field[length - 1] == ' ');
    free(field);
}

/* The buffer that holds the text receives a value of it. */
static void read_over_the_text(void)
{
    char text[FIELD] = "{\"a\":{\"b\":\"0123456789\"}}";

    CHECK(cbsvc_json_read(text, "/a", text, sizeof text, NULL) == CBSVC_OK);
    CHECK(strcmp(text, "{\"b\":\"0123456789\"}") == 0);
    CHECK(cbsvc_json_read(text, "/b", text, -FIELD, NULL) == CBSVC_OK);
    CHECK(memcmp(text, "0123456789 ", 11) == 0);
}

static void count_values(void)
{
    uint32_t count = 7;

    CHECK(cbsvc_json_count(OUTCOME, "/slots", &count) == CBSVC_OK && count == 2);
    CHECK(cbsvc_json_count(OUTCOME, "/slots/0", &count) == CBSVC_OK && count == 2);
    CHECK(cbsvc_json_count("{\"a\":1,\"a\":2}", "", &count) == CBSVC_OK && count == 1);
    CHECK(cbsvc_json_count(OUTCOME, "/state", &count) == CBSVC_BAD_OPTION && count == 0);
    CHECK(cbsvc_json_count(OUTCOME, "/slots", NULL) == CBSVC_OK);
}

static void put_values(void)
{
    char *first, *second, *third;

    CHECK(cbsvc_json_set(NULL, "/userData/topic", "\"17\"\n\xc3\x84", &first) == CBSVC_OK);
    CHECK(strcmp(first, "{\"userData\":{\"topic\":\"\\\"17\\\"\\n\xc3\x84\"}}") == 0);
    CHECK(cbsvc_json_set(first, "/virtualQueues/-", "a", &second) == CBSVC_OK);
    CHECK(cbsvc_json_set(second, "/virtualQueues/-", "b", &third) == CBSVC_OK);
    CHECK(strstr(first, "virtualQueues") == NULL && strstr(third, ",\"virtualQueues\":[\"a\",\"b\"]}") != NULL);
    cbsvc_string_free(second);
    CHECK(cbsvc_json_set(third, "/userData", NULL, &second) == CBSVC_OK);
    CHECK(strcmp(second, "{\"virtualQueues\":[\"a\",\"b\"]}") == 0);
    cbsvc_string_free(first);
    cbsvc_string_free(second);
    cbsvc_string_free(third);
    CHECK(cbsvc_json_set("{ \"z\":1.50, \"a\":1e400 }", "/m", "x", &first) == CBSVC_OK);
    CHECK(strcmp(first, "{ \"z\":1.50, \"a\":1e400,\"m\":\"x\" }") == 0);
    cbsvc_string_free(first);
    CHECK(cbsvc_json_set("{}", "/a", "x", NULL) == CBSVC_OK);
}

static void refuse_changes(void)
{
    static const struct {
        const char *json, *pointer, *value;
        cbsvc_status status;
    } cases[] = {
        {"{}", NULL, "x", CBSVC_NULL_ARGUMENT}, {"{}", "a", "x", CBSVC_BAD_OPTION},
        {"\xff", "/a", "x", CBSVC_NOT_UTF8},    {"{}", "/\xff", "x", CBSVC_NOT_UTF8},
        {"{}", "/a", "\xff", CBSVC_NOT_UTF8},   {"{", "/a", "x", CBSVC_NOT_JSON},
        {"{} {}", "/a", "x", CBSVC_NOT_JSON},   {"[1]", "/1", "x", CBSVC_BAD_OPTION},
        {"{\"a\":1}", "/a/b", "x", CBSVC_BAD_OPTION}, {"{}", "", NULL, CBSVC_BAD_OPTION},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *result = (char *)"unchanged";
        CHECK(cbsvc_json_set(cases[i].json, cases[i].pointer, cases[i].value, &result) == cases[i].status);
        CHECK(result == NULL);
    }
}

static char last_line[256];
static int lines;

static void on_log(const char *level, const char *line, void *user_data)
{
    (void)level;
    (void)user_data;
    lines++;
    snprintf(last_line, sizeof last_line, "%s", line);
}

/* The log says what is wrong with an argument, and repeats none of it. */
static void log_mistakes(void)
{
    CHECK(cbsvc_set_log(CBSVC_LOG_WARNING, on_log, NULL) == CBSVC_OK);
    CHECK(cbsvc_json_get("{\n\"SECRET\":\"SECRET\" 1", "/a", NULL) == CBSVC_NOT_JSON);
    CHECK(strcmp(last_line, "cbsvc_json_get: json is not JSON at line 2 column 19") == 0);
    CHECK(cbsvc_json_get(OUTCOME, "/nul", NULL) == CBSVC_BAD_OPTION && strstr(last_line, "U+0000") != NULL);
    CHECK(cbsvc_json_set("{\"SECRET\":tru}", "/SECRET", "SECRET", NULL) == CBSVC_NOT_JSON);
    CHECK(strstr(last_line, "cbsvc_json_set: json is not JSON") == last_line && strstr(last_line, "SECRET") == NULL);
    CHECK(cbsvc_json_set("{\"SECRET\":1}", "/SECRET/SECRET", "SECRET", NULL) == CBSVC_BAD_OPTION);
    CHECK(strstr(last_line, "cbsvc_json_set: pointer: ") == last_line && strstr(last_line, "SECRET") == NULL);
    CHECK(lines == 4);
    /* What is usual is not logged. */
    CHECK(cbsvc_json_get(OUTCOME, "/absent", NULL) == CBSVC_NO_SUCH && lines == 4);
    CHECK(cbsvc_json_get(OUTCOME, "/absent ", NULL) == CBSVC_NO_SUCH && lines == 5);
    CHECK(strstr(last_line, "blanks") != NULL);
    CHECK(cbsvc_set_log(CBSVC_LOG_OFF, NULL, NULL) == CBSVC_OK);
}

int main(void)
{
    alarm(60);
    get_values();
    refuse_values();
    read_into_buffers();
    read_into_fields();
    read_into_the_longest_field();
    read_over_the_text();
    count_values();
    put_values();
    refuse_changes();
    log_mistakes();
    printf("%d checks passed\n", checks);
    return 0;
}
