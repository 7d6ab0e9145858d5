// Values as JSON for people and for jq.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

package enum JSONText {
    /// `value` as JSON, with keys in order and a line end.
    package static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("summaries hold strings, integers and lists of them")
        }
        return Array(data) + [UInt8(ascii: "\n")]
    }
}
