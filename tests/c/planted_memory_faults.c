/* Uses memory wrongly, as its argument says: what a memory checker must find before its silence means anything. */
#include "check.h"

int main(int argc, char **argv)
{
    char *text = NULL;

    CHECK(argc == 2);
    CHECK(cbsvc_diagnostics(&text) == CBSVC_OK);
    if (strcmp(argv[1], "leak") == 0) {
        text = NULL;
        return 0;
    }
    cbsvc_string_free(text);
    return strcmp(argv[1], "use-after-free") == 0 && text[0] == '{' ? 0 : 1;
}
