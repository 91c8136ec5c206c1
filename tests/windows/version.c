/*
 * Prints the version information of a file as Windows sees it.
 *
 *     version FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

int main(int argc, char **argv)
{
    static const char *NAMES[] = {"FileVersion", "ProductVersion", "ProductName", "OriginalFilename"};
    struct { WORD language, code_page; } *translation;
    VS_FIXEDFILEINFO *fixed;
    DWORD handle, size = argc == 2 ? GetFileVersionInfoSizeA(argv[1], &handle) : 0;
    void *information = malloc(size + 1);
    UINT length;
    size_t i;

    if (size == 0 || !GetFileVersionInfoA(argv[1], 0, size, information) ||
        !VerQueryValueA(information, "\\", (void **)&fixed, &length) ||
        !VerQueryValueA(information, "\\VarFileInfo\\Translation", (void **)&translation, &length))
        return 1;
    printf("%d.%d.%d.%d\n", HIWORD(fixed->dwFileVersionMS), LOWORD(fixed->dwFileVersionMS),
           HIWORD(fixed->dwFileVersionLS), LOWORD(fixed->dwFileVersionLS));
    for (i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char path[100], *text;
        sprintf(path, "\\StringFileInfo\\%04x%04x\\%s", translation->language, translation->code_page, NAMES[i]);
        if (VerQueryValueA(information, path, (void **)&text, &length))
            printf("%s: %s\n", NAMES[i], text);
    }
    free(information);
    return 0;
}
