# Makes what the tests need in a fresh Redmine 5 and prints it as JSON: a project, two operators, custom fields, and an
# API key each. Run by `rails runner`. What it prints is its last line: Rails may say other things before.
require 'json'

Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
Setting.notified_events = []

fields = [
  ['Severity', 'list', %w[sev1 sev2 sev3 sev4]],
  ['Service', 'string', []],
  ['Push key', 'string', []] # keeps the id of the last update
].map do |name, format, values|
  IssueCustomField.create!(
    name: name, field_format: format, possible_values: values,
    is_for_all: true, is_filter: true, searchable: true, trackers: Tracker.all.to_a
  )
end

project = Project.create!(
  name: 'Incidents', identifier: 'incidents', is_public: false,
  tracker_ids: Tracker.pluck(:id), enabled_module_names: %w[issue_tracking], issue_custom_field_ids: fields.map(&:id)
)
IssueCategory.create!(project: project, name: 'shop')

role = Role.find_by_name('Developer')
role.add_permission!(
  :view_issues, :add_issues, :edit_issues, :add_issue_notes,
  :view_private_notes, :set_notes_private, :view_issue_watchers
)
# The tests are about the interface, not about a workflow: every status leads to every other.
statuses = IssueStatus.pluck(:id)
Tracker.pluck(:id).product(statuses, statuses).each do |tracker, from, to|
  next if from == to

  WorkflowTransition.find_or_create_by!(
    tracker_id: tracker, role_id: role.id, old_status_id: from, new_status_id: to, assignee: false, author: false
  )
end

admin = User.find_by_login('admin')
admin.update_columns(must_change_passwd: false)
keys = { 'admin' => admin.api_key }
%w[alice bob].each do |name|
  user = User.new(firstname: name.capitalize, lastname: 'Oncall', mail: "#{name}@servers.test", language: 'en')
  user.login = name
  user.password = user.password_confirmation = SecureRandom.hex(16)
  user.save!
  Member.create!(principal: user, project: project, roles: [role])
  keys[name] = user.api_key
end
puts JSON.generate(keys)
