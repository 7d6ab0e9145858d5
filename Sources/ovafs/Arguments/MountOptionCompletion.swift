// What a shell offers behind `-o`.
// SPDX-License-Identifier: Apache-2.0

enum MountOptionCompletion {
    /// The lists of options that begin as the word at `index` of the command line does.
    static func candidates(_ words: [String], _ index: Int) -> [String] {
        let word = words.indices.contains(index) ? words[index] : ""
        // What stands before the last comma stays.
        let kept = word.lastIndex(of: ",").map { String(word[...$0]) } ?? ""
        let used = Set(kept.split(separator: ",").map { $0.prefix { $0 != "=" } })
        return MountOptions.choices.filter { !used.contains($0.name[...]) }.flatMap { choice in
            guard let values = choice.values else { return [choice.name] }
            return values.isEmpty ? ["\(choice.name)="] : values.map { "\(choice.name)=\($0)" }
        }.map { kept + $0 }
    }
}
