// Tests of members that are foreseen, in archives with links.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

extension ForeseenMemberTests {
    @Test("hard links in front of what comes and behind it, to members in front and behind, hide no member")
    func hardLinks() throws {
        var plan = Plan()
        plan.write = { tar, number, name, bytes in
            tar.add(name, bytes)
            if number == 0 { tar.add("l1", type: "1", link: "a.bin") }
            if number == 1 {
                for (name, target) in [("l2", "a.bin"), ("l3", "b.bin"), ("l4", "l1"), ("l5", "c.bin")] {
                    tar.add(name, type: "1", link: target)
                }
            }
        }
        let (package, source, ends) = try Self.open(plan)
        let last = Reader(try Self.member("c.bin", of: package).source)
        try Reader.waitForReaders(1, of: source)
        // Header by header, so that steps are given up and made again.
        for end in stride(from: ends[0], to: ends[1] + 512, by: 256) { source.bring(to: UInt64(end)) }
        source.bring(to: source.byteCount)
        #expect(try last.result().get() == Plan.contents[2])
        #expect(try Self.all("b.bin", of: package) == Plan.contents[1])
        #expect(try Self.all("l1", of: package) == Plan.contents[0])
    }

    @Test("a member behind very many that are not shown is found, by all who want it")
    func manySkipped() throws {
        var plan = Plan()
        plan.write = { tar, number, name, bytes in
            tar.add(name, bytes)
            guard number == 1 else { return }
            var links = TarBuilder()
            links.add("link", type: "2", link: "elsewhere")
            // 2^15 headers.
            for _ in 0..<15 { links.append(links) }
            tar.append(links)
        }
        let (package, source, _) = try Self.open(plan)
        let member = try Self.member("c.bin", of: package).source
        let readers = (0..<3).map { _ in Reader(member) }
        source.bring(to: source.byteCount)
        for reader in readers { #expect(try reader.result().get() == Plan.contents[2]) }
    }
}
