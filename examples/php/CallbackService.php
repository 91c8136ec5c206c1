<?php
declare(strict_types=1);

/** An error of libcallbackservice that is not an outcome: a wrong configuration, a closed service. */
final class CallbackServiceException extends RuntimeException
{
}

/**
 * A service of libcallbackservice in poll mode: the library calls no PHP code, so that no exception leaves a handler.
 */
final class CallbackService
{
    /** From callbackservice.ffi.h. */
    private const DECLARATIONS = <<<'C'
        typedef struct cbsvc_service cbsvc_service;
        typedef int32_t cbsvc_status;
        typedef void (*cbsvc_handler)(const char *event, const char *data, void *user_data);
        typedef void (*cbsvc_release)(void *user_data);
        cbsvc_status cbsvc_init(const char *config, cbsvc_handler on_event, void *user_data, cbsvc_service **service,
                                char **error);
        cbsvc_status cbsvc_close(cbsvc_service *service, int32_t timeout_ms);
        cbsvc_status cbsvc_start(cbsvc_service *service, const char *name, const char *data, cbsvc_handler done,
                                 void *user_data, cbsvc_release release, uint64_t *call);
        cbsvc_status cbsvc_next_event(cbsvc_service *service, int32_t timeout_ms, uint64_t *call, char **event,
                                      char **data);
        cbsvc_status cbsvc_json_set(const char *json, const char *pointer, const char *value, char **result);
        const char *cbsvc_status_name(cbsvc_status status);
        void cbsvc_string_free(char *text);
        C;

    private FFI $library;
    private FFI\CData $service;
    private FFI\CData $done;
    private FFI\CData $data;

    /** Opens a service; $config is JSON. PHP's own arrays do not tell {} from []. */
    public function __construct(string $config)
    {
        $this->library = FFI::cdef(self::DECLARATIONS, 'libcallbackservice.so.1');
        $polled = $this->library->new('char *');
        $this->check($this->library->cbsvc_json_set($config, '/handlers', 'poll', FFI::addr($polled)), 'configuration');
        $this->service = $this->library->new('cbsvc_service *');
        $this->done = $this->library->new('uint64_t');
        $this->data = $this->library->new('char *');
        $error = $this->library->new('char *');
        $status = $this->library->cbsvc_init(
            $this->text($polled), null, null, FFI::addr($this->service), FFI::addr($error));
        if ($status !== 0) {
            $message = $this->text($error) ?? $this->library->cbsvc_status_name($status);
            throw new CallbackServiceException($message, $status);
        }
    }

    /** Runs a command, such as "schedule", and returns its outcome: with the key error if it was rejected. */
    public function call(string $command, array $options): array
    {
        $data = json_encode((object) $options, JSON_THROW_ON_ERROR);
        $call = $this->library->new('uint64_t');
        $status = $this->library->cbsvc_start(
            $this->service, "CallbackService.$command", $data, null, null, null, FFI::addr($call));
        $this->check($status, $command);
        do {
            [$done, $outcome] = $this->nextEvent(1000);
        } while ($done !== $call->cdata);
        return $outcome;
    }

    /** The id of the call that is complete, and its outcome; 0 for another event, or if there is none in time. */
    public function nextEvent(int $milliseconds): array
    {
        // An exception of a signal handler comes after the wait: what was taken stays here, where close() finds it.
        $status = $this->library->cbsvc_next_event(
            $this->service, $milliseconds, FFI::addr($this->done), null, FFI::addr($this->data));
        if ($this->library->cbsvc_status_name($status) !== 'TIMEOUT') {
            $this->check($status, 'waiting');
        }
        return $this->taken();
    }

    private function taken(): array
    {
        if (FFI::isNull($this->data)) {
            return [0, null];
        }
        $data = $this->data;
        $this->data = $this->library->new('char *');
        $outcome = json_decode($this->text($data), true, 512, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
        return [$this->done->cdata, $outcome];
    }

    /** Closes the service. Returns the outcomes of commands that an exception has left behind: none must be lost. */
    public function close(): array
    {
        [$call, $outcome] = $this->taken();
        $left = $call !== 0 ? [$outcome] : [];
        while (($status = $this->library->cbsvc_close($this->service, 1000)) !== 0
            && $this->library->cbsvc_status_name($status) === 'BUSY') {
            [$call, $outcome] = $this->nextEvent(-1);
            if ($call !== 0) {
                $left[] = $outcome;
            }
        }
        $this->check($status, 'closing');
        return $left;
    }

    private function check(int $status, string $doing): void
    {
        if ($status !== 0) {
            throw new CallbackServiceException("$doing: {$this->library->cbsvc_status_name($status)}", $status);
        }
    }

    /** Copies a text of the library, and frees it; null for NULL. */
    private function text(FFI\CData $pointer): ?string
    {
        if (FFI::isNull($pointer)) {
            return null;
        }
        $text = FFI::string($pointer);
        $this->library->cbsvc_string_free($pointer);
        return $text;
    }
}
