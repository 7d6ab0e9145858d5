// The arguments of commands that ask an OpenStack cloud.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Which cloud is meant.
struct CloudArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The cloud of clouds.yaml in which an image is looked for; without it that of OS_CLOUD, else the one \
            that the OS_* variables describe, else the only one in clouds.yaml.
            """, valueName: "name"),
        transform: {
            guard !$0.isEmpty else { throw ValidationError("--os-cloud needs the name of a cloud") }
            return $0
        })
    var osCloud: String?
}
