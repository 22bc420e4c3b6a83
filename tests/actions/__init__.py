"""The workflow files that operators get, carried out: as GitHub reads them, job by job on machines that have only what
the files give them, against a hub that lets each token do what it was made for."""
