// Files of settings of clouds.
// SPDX-License-Identifier: Apache-2.0

import RemoteSources

/// Takes the bytes as clouds.yaml, clouds.json and secure.yaml.
enum SettingsTarget {
    static func run(_ bytes: [UInt8]) {
        let file = ConfigurationFile.Place.file(ConfigurationFile(bytes: bytes, isOpenToOthers: false))
        for ending in ["clouds.yaml", "clouds.json", "secure.yaml"] {
            let search = ConfigurationSearch(
                environment: [:], look: { $0.hasSuffix("/" + ending) ? file : .absent })
            for cloud in [nil, "lab"] { _ = try? CloudsConfiguration.read(cloud: cloud, from: search) }
        }
    }
}
