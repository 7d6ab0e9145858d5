// The largest descriptor among the samples that stand beside the project, where there are any.
// SPDX-License-Identifier: Apache-2.0

import Foundation

enum CorpusDescriptor {
    /// Beside the clone; benchmarks run from the root of it.
    static let folder = "../shared/corpus"

    /// The bytes of the largest `.ovf`; nil where there is none.
    static func largest() throws -> [UInt8]? {
        var largest: (path: String, byteCount: Int)?
        for name in FileManager.default.enumerator(atPath: folder) ?? .init() {
            guard let name = name as? String, name.hasSuffix(".ovf") else { continue }
            let path = "\(folder)/\(name)"
            let byteCount = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            // Of two equally large ones always the same, whatever the order of the folder.
            if (byteCount, path) > (largest?.byteCount ?? 0, largest?.path ?? "") {
                largest = (path, byteCount)
            }
        }
        return try largest.map { Array(try Data(contentsOf: URL(fileURLWithPath: $0.path))) }
    }
}
