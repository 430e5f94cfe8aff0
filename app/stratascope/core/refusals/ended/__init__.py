"""Why a container ended or never began: what is known of its end, words of engines and logs, and the answer. Pure."""
