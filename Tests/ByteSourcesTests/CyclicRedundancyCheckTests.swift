// Tests of CRC-32 and CRC-32C against their published check values.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@Suite("Cyclic redundancy checks")
struct CyclicRedundancyCheckTests {
    private static let digits = Array("123456789".utf8)

    @Test("the checksums of the nine digits are those that the algorithms are known by")
    func digits() {
        #expect(CyclicRedundancyCheck.ieee.checksum(of: Self.digits) == 0xcbf4_3926)
        #expect(CyclicRedundancyCheck.castagnoli.checksum(of: Self.digits) == 0xe306_9283)
    }

    /// Spec: RFC 3720, B.4 "CRC Examples".
    @Test("32 bytes of zeros, of ones and ascending have the checksums of iSCSI's specification")
    func runs() {
        let check = CyclicRedundancyCheck.castagnoli
        #expect(check.checksum(of: Array(repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(check.checksum(of: Array(repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(check.checksum(of: Array(0..<32)) == 0x46dd_794e)
    }

    @Test("nothing has the checksum 0, and a blank field counts as zeros")
    func blank() {
        let check = CyclicRedundancyCheck.ieee
        #expect(check.checksum(of: []) == 0)
        var zeroed = Self.digits
        zeroed.replaceSubrange(2..<6, with: [0, 0, 0, 0])
        #expect(check.checksum(of: Self.digits, blank: 2..<6) == check.checksum(of: zeroed))
        #expect(check.checksum(of: Self.digits, blank: 2..<6) != check.checksum(of: Self.digits))
    }
}
