// What `ovafs info --json` says, as far as tests ask.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A package's summary.
struct Summary: Decodable {
    struct Name: Decodable { let text: String }

    struct Disk: Decodable {
        let id: String
        let file: Name?
        let raw: Name?
        let format: String
        let virtualSize: Int?
        let error: String?
    }

    struct Finding: Decodable { let code: String }

    let version: Int
    let kind: String
    let disks: [Disk]
    let warnings: [Finding]

    /// - Throws: when the text is no such JSON.
    init(_ json: Data) throws {
        self = try JSONDecoder().decode(Summary.self, from: json)
    }
}
