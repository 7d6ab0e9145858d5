// What libcurl's codes mean here.
// SPDX-License-Identifier: Apache-2.0

import CCurl

enum CurlFailure {
    /// `message` is what libcurl says of it.
    static func kind(of code: CURLcode, saying message: String = "") -> TransportError.Kind {
        switch code {
        case CURLE_SSL_CONNECT_ERROR where isAnswer(message): .certificate
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT: .unreachable
        case CURLE_OPERATION_TIMEDOUT: .silence
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE,
            CURLE_SSL_CONNECT_ERROR, CURLE_HTTP2,
            CURLE_HTTP2_STREAM, CURLE_PROXY, CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_INTERFACE_FAILED,
            CURLE_AGAIN, CURLE_SEND_FAIL_REWIND:
            .connection
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_CERTPROBLEM, CURLE_SSL_CLIENTCERT, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CIPHER,
            CURLE_SSL_CRL_BADFILE, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            .certificate
        case CURLE_URL_MALFORMAT, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_UNKNOWN_OPTION, CURLE_NOT_BUILT_IN,
            CURLE_SETOPT_OPTION_SYNTAX:
            .request
        default: .garbage
        }
    }

    /// Whether a handshake failed because of what the other side sent, and not because it sent nothing (more): the words are
    /// those of OpenSSL's errors of its own, and of GnuTLS's.
    private static func isAnswer(_ message: String) -> Bool {
        // A balancer without a backend, or one that is started anew, says so as well.
        guard !["alert internal error", "unexpected eof"].contains(where: message.contains) else {
            return false
        }
        return
            [
                "SSL routines", "unexpected TLS packet", "fatal alert",
                "packet with illegal or unsupported version",
            ]
            .contains(where: message.contains)
    }
}
