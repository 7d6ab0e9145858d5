// The completions of bash, made to work where a word has an equals sign in it.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

enum BashCompletion {
    /// The script that `--generate-completion-script bash` prints; nil where that is not what is asked for.
    static func script(for arguments: [String]) -> String? {
        let name = "--generate-completion-script"
        guard arguments == [name, "bash"] || arguments == ["\(name)=bash"] else { return nil }
        return OVAFS.completionScript(for: .bash) + addition
    }

    /// Around the function of the parser of arguments, which would be asked for a word behind `=`.
    private static let addition = #"""


        # bash takes `ctldir=visible` for three words; to ovafs it is one.
        _ovafs_whole_words() {
            local -a words=("${COMP_WORDS[0]}")
            local -i index
            for ((index = 1; index <= COMP_CWORD; index++)); do
                if [[ ${COMP_WORDS[index]} == = || ${words[-1]} == *= ]]; then
                    words[-1]+=${COMP_WORDS[index]}
                else
                    words+=("${COMP_WORDS[index]}")
                fi
            done
            local -a COMP_WORDS=("${words[@]}")
            local -i COMP_CWORD=$((${#words[@]} - 1))
            _ovafs "$1" "${words[-1]}" "${words[-2]}"
            # Only what stands behind the sign is replaced.
            if [[ ${words[-1]} == *=* ]]; then
                COMPREPLY=("${COMPREPLY[@]#"${words[-1]%=*}="}")
            fi
        }
        complete -o filenames -F _ovafs_whole_words ovafs

        """#
}
