# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Completion for npctl. npctl itself knows its words, and the pods, maps and
# policies that there are; files, users and commands are fish's to find.

function __npctl_complete
	set -l words (commandline -opc)
	set -l word (commandline -ct)
	# behind the equals sign of an option, a value begins
	set -l value (string replace -r -- '^-[^=]*=' '' $word)
	set -l kept (string match -r -- '^-[^=]*=' $word)

	for line in ($words[1] complete --described -- $words[2..-1] "$word" 2>/dev/null)
		switch $line
			case :nospace
			case :files
				string replace -r -- '^' "$kept" (__fish_complete_path $value)
			case :directories
				string replace -r -- '^' "$kept" (__fish_complete_directories $value)
			case :users
				string replace -r -- '^' "$kept" (__fish_complete_users)
			case :commands
				complete -C "$value"
			case '*'
				echo $line
		end
	end
end

complete -c npctl -f -a '(__npctl_complete)'
