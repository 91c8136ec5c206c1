/*
 * Sets an event of another program, as soon as that has made it.
 *
 *     set_event NAME
 */
#include <windows.h>

int main(int argc, char **argv)
{
    HANDLE event = NULL;

    if (argc != 2)
        return 2;
    while (event == NULL) {
        event = OpenEventA(EVENT_MODIFY_STATE, FALSE, argv[1]);
        if (event == NULL)
            Sleep(10);
    }
    return !SetEvent(event);
}
