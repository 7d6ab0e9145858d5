// The argument of commands that wait for a server.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// How long is waited.
struct TimeoutArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long a read, or a list, may wait for a server; 60 without it.", valueName: "seconds"),
        transform: {
            guard let seconds = RemoteOptions.timeout($0) else {
                throw ValidationError("'\($0)' is not a number of seconds")
            }
            return seconds
        })
    var timeout: Double?

    /// Puts what was given into `options`.
    func apply(to options: inout RemoteOptions) {
        if let timeout { options.timeoutInSeconds = timeout }
    }
}
