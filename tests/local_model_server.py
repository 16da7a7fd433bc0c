"""Serves a model file on this machine, until its standard input ends: FOLDER_OF_XLLAMACPP MODEL_FILE NAME THREADS.

Prints the address. Started by `tests.local_model`.
"""

import sys


def main() -> None:
    folder, path, name, threads = sys.argv[1:]
    sys.path.insert(0, folder)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {name}
    params.n_ctx = 8192
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.offline, params.ui, params.endpoint_slots = True, False, False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()  # ends with whoever started this, however that ended


if __name__ == "__main__":
    main()
