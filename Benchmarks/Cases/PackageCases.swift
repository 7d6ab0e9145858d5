// The cases about a package: the index of a large archive, and the meaning of a large descriptor.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage

enum PackageCases {
    static let all = [tarIndex, largestEnvelope, generatedEnvelope]

    private static let memberCount = 10_000

    private static let tarIndex = BenchmarkCase("tar-index", "index a tar archive of 10,000 members") {
        let meter = ReadMeter()
        let archive = MeteredSource(TarArchive.source(memberCount: memberCount), countedBy: meter)
        return PreparedCase(
            run: { count in
                for _ in 0..<count {
                    let index = try TarIndex(scanning: archive, budget: OpeningBudget())
                    precondition(index.members.count == memberCount, "the index is not complete")
                }
            }, sourceByteCount: { meter.byteCount })
    }

    private static let largestEnvelope = BenchmarkCase(
        "envelope-largest", "parse the largest real descriptor of the corpus"
    ) {
        guard let descriptor = try CorpusDescriptor.largest() else {
            throw MissingInput(description: "there is no descriptor in \(CorpusDescriptor.folder)")
        }
        return parsing(descriptor)
    }

    private static let generatedEnvelope = BenchmarkCase(
        "envelope-generated", "parse a generated descriptor with as many items"
    ) {
        parsing(GeneratedDescriptor.bytes())
    }

    private static func parsing(_ descriptor: [UInt8]) -> PreparedCase {
        PreparedCase(
            run: { count in
                for _ in 0..<count {
                    let parser = try EnvelopeParser(parsing: descriptor)
                    precondition(!parser.envelope.systems.isEmpty, "the descriptor means nothing")
                }
            }, sourceByteCount: { 0 })
    }
}
